import { api, type PersonId } from '@einklang/contract'
import { Badge, Button, Group, Stack, Text, Tooltip } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Undo, WhatIf } from './effect.tsx'
import { MarkValue } from './mark-value.tsx'
import { useCauseWords, WhyPanel } from './why-panel.tsx'

type Identifier = (typeof api.identity.identifiers)['answer']['_zod']['output']['items'][number]
type LogRow = (typeof api.identity.log)['answer']['_zod']['output']['items'][number]

/** Identifiers, why they belong together, and the way back where they do not. */
export function IdentityTab(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [asked, setAsked] = useState<{ namespace: string; value: string } | null>(null)
  const looking = may(api.identity.whatif)
  const params = { person: props.person }
  const identifiers = useAnswer(api.identity.identifiers, { params })
  const log = useAnswer(api.identity.log, { params })
  const columns = useMemo(
    (): Column<Identifier>[] => [
      {
        id: 'namespace',
        header: t('identity.kind'),
        width: 140,
        sort: (row) => row.namespace,
        cell: (row) => words('namespace', row.namespace),
      },
      {
        id: 'value',
        header: t('identity.value'),
        sort: (row) => row.value,
        cell: (row) => (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {row.value}
          </Text>
        ),
      },
      {
        id: 'why',
        header: t('identity.why'),
        cell: (row) => (
          <>
            <Why row={row} />
            {looking ? (
              <Button
                size="compact-xs"
                variant="subtle"
                ml={-8}
                onClick={() => setAsked({ namespace: row.namespace, value: row.value })}
                data-testid="ask-whatif"
              >
                {t('identity.whatIf')}
              </Button>
            ) : null}
            <MarkValue row={row} />
          </>
        ),
      },
      {
        id: 'trust',
        header: t('identity.trust'),
        width: 110,
        cell: (row) => (
          <Group gap={4}>
            <Badge variant="light" color={row.trust === 'verified' ? 'teal' : 'gray'} tt="none">
              {words('trust', row.trust)}
            </Badge>
            {row.level === 'sure' ? null : <Probable />}
            {row.status === 'active' ? null : (
              <Badge variant="light" color="orange" tt="none">
                {row.marked === null ? words('identifierStatus', row.status) : words('identifierMark', row.marked)}
              </Badge>
            )}
          </Group>
        ),
      },
      {
        id: 'first',
        header: t('identity.first'),
        width: 115,
        sort: (row) => row.firstSeenAt,
        cell: (row) => <DateTime at={row.firstSeenAt} day />,
      },
    ],
    [t, words, looking],
  )
  return (
    <Stack>
      <Panel title={t('identity.identifiers')} definition={t('identity.identifiersMeaning')} testid="identifiers">
        <Fetch
          of={identifiers}
          empty={(value) => (value.items.length === 0 ? <Empty title={t('identity.noIdentifiers')} /> : null)}
        >
          {(value) => (
            <DataTable
              label={t('identity.identifiers')}
              columns={columns}
              rows={value.items}
              rowKey={(row) => `${row.namespace} ${row.value}`}
              height={420}
            />
          )}
        </Fetch>
      </Panel>
      <WhyPanel person={props.person} />
      <WhatIf person={props.person} identifier={asked} onClose={() => setAsked(null)} />
      <Panel title={t('identity.merges')} definition={t('identity.mergesMeaning')} testid="merges">
        <Fetch of={log} empty={(value) => (value.items.length === 0 ? <Empty title={t('identity.noMerges')} /> : null)}>
          {(value) => (
            <Stack gap="sm">
              {value.items.map((row) => (
                <Merge key={row.id} row={row} />
              ))}
            </Stack>
          )}
        </Fetch>
      </Panel>
    </Stack>
  )
}

/** Only a run of matching says so. */
function Probable(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  return (
    <Tooltip label={t('identity.probableMeaning')} multiline w={300}>
      <Badge variant="light" color="yellow" tt="none" data-testid="probable">
        {words('level', 'probable')}
      </Badge>
    </Tooltip>
  )
}

function Why(props: { row: Identifier }): ReactNode {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const { row } = props
  // The stage explains in English; German readers get the same facts in their words.
  const sentence =
    i18n.language !== 'de'
      ? row.why
      : row.togetherWith === null
        ? t('identity.began', { source: row.sourceName })
        : t('identity.together', {
            source: row.sourceName,
            kind: words('namespace', row.togetherWith.namespace),
            value: row.togetherWith.value,
          })
  return (
    <Text size="sm" c="dimmed">
      {sentence}
    </Text>
  )
}

function Merge(props: { row: LogRow }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [asking, setAsking] = useState(false)
  const { row } = props
  const sure = useDeed(api.identity.merge, { refresh: ['identity', 'profile'], done: t('identity.confirmed') })
  const causeWords = useCauseWords()
  return (
    <Group justify="space-between" align="flex-start" data-testid={`merge-${row.id}`}>
      <div style={{ flex: '1 1 240px' }}>
        <Text size="sm">
          <b>{words('merge', row.kind)}</b>
          {row.via === null ? null : ` · ${words('namespace', row.via.namespace)} ${row.via.value}`}{' '}
          {row.level === 'probable' ? <Probable /> : null}
        </Text>
        <Text size="xs" c="dimmed">
          {causeWords(row.cause)} ·{' '}
          {row.actor === 'event' || row.actor.startsWith('run:')
            ? t('identity.byRule')
            : row.actor.replace(/^user:/, '')}{' '}
          · <DateTime at={row.at} />
          {row.loser === null ? null : (
            <>
              {' · '}
              <ScreenLink to="/profile/$person" params={{ person: row.loser }} size="xs">
                {t('identity.other')}
              </ScreenLink>
            </>
          )}
        </Text>
      </div>
      {row.undoneAt !== null ? (
        <Badge variant="light" color="gray" tt="none">
          {t('identity.wasUndone')}
        </Badge>
      ) : row.mayUndo && may(api.identity.unmerge) ? (
        <Group gap="xs" wrap="nowrap">
          {row.level === 'probable' && row.loser !== null ? (
            <Button
              size="xs"
              loading={sure.pending}
              onClick={() =>
                void sure.run({ body: { one: row.winner, other: row.loser as PersonId, reason: 'confirmed' } })
              }
              data-testid="confirm-merge"
            >
              {t('identity.confirm')}
            </Button>
          ) : null}
          <Button size="xs" variant="default" onClick={() => setAsking(true)} data-testid="undo-merge">
            {t('identity.undo')}
          </Button>
        </Group>
      ) : null}
      <Undo log={row.id} opened={asking} onClose={() => setAsking(false)} />
    </Group>
  )
}
