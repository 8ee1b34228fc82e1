import { api, type PersonId } from '@einklang/contract'
import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useNames } from '../../shell/names.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

/** Why records were joined or parted: what the stage writes itself, in the reader's language; else as a colleague wrote it. */
export function useCauseWords(): (cause: string) => string {
  const { t } = useTranslation()
  const words = useWords()
  return (cause) => {
    const run = /^match run (\d+)$/.exec(cause)?.[1]
    if (run !== undefined) return t('identity.byRun', { number: run })
    const undone = /^run (\d+) undone$/.exec(cause)?.[1]
    if (undone !== undefined) return t('identity.runUndone', { number: undone })
    const same = /^same (\w+)$/.exec(cause)?.[1]
    return same === undefined ? words('cause', cause) : t('identity.sameCause', { kind: words('namespace', same) })
  }
}

/** Why these are one person: the steps of evidence that hold the identifiers together, and what was refused. */
export function WhyPanel(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const causeWords = useCauseWords()
  const may = useMay()
  const allow = useDeed(api.identity.allowAgain, { refresh: ['identity', 'profile'], done: t('identity.allowed') })
  const why = useAnswer(api.identity.why, { params: { person: props.person } })
  return (
    <Panel title={t('identity.whyOne')} definition={t('identity.whyOneMeaning')} testid="why">
      <Fetch
        of={why}
        empty={(value) =>
          value.steps.length === 0 && value.refusals.length === 0 ? <Empty title={t('identity.oneOnly')} /> : null
        }
      >
        {(value) => (
          <Stack gap="xs">
            {value.steps.map((step) => (
              <Group key={`${step.one.value} ${step.other.value}`} gap={6} wrap="wrap" data-testid="why-step">
                <Badge variant="light" tt="none">
                  {words('namespace', step.one.namespace)} {step.one.value}
                </Badge>
                <Text size="xs" c="dimmed">
                  +
                </Text>
                <Badge variant="light" tt="none">
                  {words('namespace', step.other.namespace)} {step.other.value}
                </Badge>
                <Text size="xs" c="dimmed">
                  {t('identity.stepTimes', { count: step.times, source: step.sourceName })} ·{' '}
                  <DateTime at={step.firstAt} day />
                  {step.times > 1 ? (
                    <>
                      {' – '}
                      <DateTime at={step.lastAt} day />
                    </>
                  ) : null}
                </Text>
              </Group>
            ))}
            {value.decisions.map((decision) => (
              <Text size="xs" key={`${decision.kind} ${decision.one.value} ${decision.other.value}`}>
                <b>{words('answer', decision.kind)}</b>: {decision.one.value} · {decision.other.value} (
                {decision.actor.startsWith('run:') ? '' : `${decision.actor.replace(/^user:/, '')}, `}
                {causeWords(decision.reason)})
                {decision.kind === 'different' && may(api.identity.allowAgain) ? (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    loading={allow.pending}
                    onClick={() =>
                      void allow.run({ body: { one: decision.one, other: decision.other, reason: 'taken back' } })
                    }
                    data-testid="allow-again"
                  >
                    {t('identity.takeBack')}
                  </Button>
                ) : null}
              </Text>
            ))}
            {value.refusals.length === 0 ? null : (
              <Text size="xs" fw={600} mt="xs">
                {t('identity.refused')}
              </Text>
            )}
            {value.refusals.map((refusal) => (
              <Text size="xs" c="dimmed" key={`${refusal.code} ${refusal.via.value} ${refusal.lastAt}`}>
                {words('conflict', refusal.code)} · {words('namespace', refusal.via.namespace)} {refusal.via.value} ·{' '}
                <DateTime at={refusal.lastAt} day />
              </Text>
            ))}
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}

/** Members of the household by name; nothing else of them is shown here. */
export function HouseholdPanel(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const allowed = useMay()(api.identity.household)
  const home = useAnswer(api.identity.household, { params: { person: props.person } }, { enabled: allowed })
  const members = home.data?.members.filter((member) => member.until === null) ?? []
  const nameOf = useNames(members.map((member) => member.person))
  if (!allowed || members.length < 2) return null
  return (
    <Panel title={t('identity.household')} definition={t('identity.householdMeaning')} testid="household">
      <Stack gap={4}>
        {members.map((member) => (
          <Group key={member.person} justify="space-between" wrap="nowrap">
            <PersonLink person={member.person} name={nameOf(member.person) ?? t('person.anonymous')} />
            <Text size="xs" c="dimmed">
              <DateTime at={member.since} day />
            </Text>
          </Group>
        ))}
        <Text size="xs" c="dimmed">
          {[...new Set(members.flatMap((member) => member.evidence))]
            .map((evidence) => words('householdEvidence', evidence))
            .join(', ')}
        </Text>
      </Stack>
    </Panel>
  )
}
