import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Alert, Badge, Button, Card, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { Fetch, Loading } from '../../kit/states.tsx'
import { type Answer, useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Effect = AnswerOf<typeof api.identity.whatif>
type Key = { namespace: string; value: string }
const refresh = ['identity', 'profile', 'audience', 'consent', 'commerce']

/** Who would be who afterwards: one card per person, what moves is marked. */
export function Afterwards(props: { effect: Effect }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const { effect } = props
  if (!effect.changes && effect.people.length < 2)
    return (
      <Alert color="gray" data-testid="no-effect">
        {t('identity.noEffect')}
      </Alert>
    )
  return (
    <Stack gap="xs" data-testid="afterwards">
      {effect.people.map((person) => (
        <Card withBorder padding="xs" key={person.person}>
          <Group justify="space-between">
            <Text size="sm" fw={600}>
              {t(person.exists ? 'identity.thisPerson' : 'identity.newPerson')}
            </Text>
            <Text size="xs" c="dimmed">
              {t('identity.sideFacts', { orders: person.orders ?? '–', identifiers: person.identifiers.length })} ·{' '}
              {t('identity.eventsCount', { shown: format.count(person.events ?? 0) })}
            </Text>
          </Group>
          <Group gap={4} mt={4}>
            {person.identifiers.slice(0, 20).map((one) => (
              <Badge
                key={`${one.namespace} ${one.value}`}
                variant={one.moves ? 'filled' : 'light'}
                color={one.moves ? 'orange' : 'gray'}
                tt="none"
                size="sm"
              >
                {words('namespace', one.namespace)} {one.value}
              </Badge>
            ))}
          </Group>
        </Card>
      ))}
    </Stack>
  )
}

/** What if this identifier were removed? Looking only; giving it to a person of its own is the way to do it. */
export function WhatIf(props: { person: PersonId; identifier: Key | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const words = useWords()
  const { identifier } = props
  const [splitting, setSplitting] = useState(false)
  const [reason, setReason] = useState('')
  const without = useAnswer(
    api.identity.whatif,
    { params: { person: props.person }, query: identifier ?? { namespace: '-', value: '-' } },
    { enabled: identifier !== null && !splitting },
  )
  const preview = useDeed(api.identity.previewSplit, { refresh: [], quiet: true })
  const split = useDeed(api.identity.split, { refresh, quiet: true, done: t('identity.splitDone') })
  const [plan, setPlan] = useState<Effect>()
  const close = (): void => {
    setSplitting(false)
    setPlan(undefined)
    setReason('')
    preview.reset()
    props.onClose()
  }
  const body = { person: props.person, identifiers: identifier === null ? [] : [identifier] }
  return (
    <Modal
      opened={identifier !== null}
      onClose={close}
      size="lg"
      title={identifier === null ? '' : `${words('namespace', identifier.namespace)} ${identifier.value}`}
      data-testid="whatif"
    >
      <Stack>
        <Text size="sm">{t(splitting ? 'identity.splitText' : 'identity.whatIfText')}</Text>
        {splitting ? (
          plan === undefined ? (
            preview.failure === null ? (
              <Loading rows={3} height={50} />
            ) : (
              <Alert color="orange">
                {preview.failure.message} {preview.failure.doInstead}
              </Alert>
            )
          ) : (
            <Afterwards effect={plan} />
          )
        ) : (
          <Fetch of={without as Answer<Effect>} loading={<Loading rows={3} height={50} />}>
            {(effect) => <Afterwards effect={effect} />}
          </Fetch>
        )}
        {splitting && plan !== undefined ? (
          <Textarea
            label={t('kit.reason')}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        ) : null}
        {splitting ? (
          <DialogActions
            failure={split.failure}
            disabled={plan === undefined || reason.trim().length < 3}
            pending={split.pending}
            confirm={t('identity.split')}
            testid="split"
            onClose={close}
            onConfirm={() =>
              void split
                .run({
                  body: {
                    ...body,
                    reason: reason.trim(),
                    ...(plan === undefined ? {} : { expected: plan.expected }),
                  },
                })
                .then((done) => (done === undefined ? undefined : close()))
            }
          />
        ) : (
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t('kit.cancel')}
            </Button>
            {may(api.identity.split) ? (
              <Button
                variant="light"
                onClick={() => {
                  setSplitting(true)
                  void preview.run({ body }).then((effect) => setPlan(effect))
                }}
                data-testid="plan-split"
              >
                {t('identity.splitOff')}
              </Button>
            ) : null}
          </Group>
        )}
      </Stack>
    </Modal>
  )
}

/** Undoing a merge, with what it would do seen first. */
export function Undo(props: { log: string; opened: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const preview = useAnswer(api.identity.previewUnmerge, { params: { log: props.log } }, { enabled: props.opened })
  const undo = useDeed(api.identity.unmerge, { refresh, quiet: true, done: t('identity.undone') })
  const expected = preview.data?.expected
  return (
    <Modal opened={props.opened} onClose={props.onClose} size="lg" title={t('identity.undo')} data-testid="confirm">
      <Stack>
        <Text size="sm">{t('identity.undoText')}</Text>
        <Fetch of={preview} loading={<Loading rows={3} height={50} />}>
          {(effect) => <Afterwards effect={effect} />}
        </Fetch>
        <DialogActions
          failure={undo.failure}
          disabled={preview.data === undefined}
          pending={undo.pending}
          confirm={t('identity.undo')}
          testid="confirm-yes"
          onClose={props.onClose}
          onConfirm={() =>
            void undo
              .run({ params: { log: props.log }, body: expected === undefined ? {} : { expected } })
              .then((done) => (done === undefined ? undefined : props.onClose()))
          }
        />
      </Stack>
    </Modal>
  )
}
