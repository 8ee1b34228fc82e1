import { type AnswerOf, api, type FindingAction, type SourceId } from '@einklang/contract'
import { Alert, Button, Drawer, Group, Select, Stack, Switch, Table, Text, Textarea, TextInput } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Sparkline } from '../../kit/sparkline.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { RepairLine } from './repairs.tsx'

type Rules = AnswerOf<typeof api.ingest.checks>
type Row = Rules['items'][number]
type Actions = { [code: string]: FindingAction }

/** What is checked, what it found, and what a source lets happen then. */
export function Checks(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [filters, change] = useFilters()
  const source = filters.source as SourceId | undefined
  const sources = useAnswer(api.ingest.sources)
  const rules = useAnswer(api.ingest.checks, { query: source === undefined ? {} : { source } }, { keep: true })
  const [only, setOnly] = useState(false)
  const [search, setSearch] = useState('')
  const [draft, setDraft] = useState<{ of: string; actions: Actions }>({ of: '', actions: {} })
  const mayDecide = source !== undefined && may(api.ingest.decideChecks)
  // A draft belongs to one version of one source.
  const of = `${source ?? ''}${rules.data?.version ?? ''}`
  const chosen = useMemo(
    () => Object.fromEntries((rules.data?.items ?? []).map((row) => [row.code, row.chosen])) as Actions,
    [rules.data],
  )
  const drafted = useMemo(() => (draft.of === of ? { ...chosen, ...draft.actions } : chosen), [draft, of, chosen])
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'check',
        header: t('checks.check'),
        sort: (row) => words('check', row.code),
        cell: (row) => (
          <>
            <Text size="sm" fw={550}>
              {words('check', row.code)}{' '}
              <Text span size="xs" c="dimmed" ff="monospace">
                {row.code}
              </Text>
            </Text>
            <Text size="xs" c="dimmed" lineClamp={2}>
              {words('checkSays', row.code) === row.code ? '' : words('checkSays', row.code)}
            </Text>
          </>
        ),
      },
      {
        id: 'place',
        header: t('checks.places'),
        width: 210,
        cell: (row) => (
          <Text size="xs" ff="monospace" truncate>
            {row.places[0]?.path === '*' ? t('checks.otherPlaces') : (row.places[0]?.path ?? '–')}
          </Text>
        ),
      },
      {
        id: 'day',
        header: t('checks.day'),
        width: 100,
        align: 'right',
        sort: (row) => row.day,
        cell: (row) => format.count(row.day),
      },
      {
        id: 'week',
        header: t('checks.week'),
        width: 100,
        align: 'right',
        sort: (row) => row.week,
        cell: (row) => format.count(row.week),
      },
      {
        id: 'trend',
        header: t('checks.trend'),
        width: 130,
        cell: (row) => (row.week === 0 ? null : <Sparkline values={row.trend} label={t('checks.trend')} />),
      },
      {
        id: 'decision',
        header: t('checks.decision'),
        width: 210,
        cell: (row) =>
          mayDecide && row.actions.length > 1 ? (
            <Select
              size="xs"
              aria-label={`${t('checks.decision')}: ${words('check', row.code)}`}
              allowDeselect={false}
              value={drafted[row.code] ?? row.chosen}
              onChange={(value) =>
                setDraft({
                  of,
                  actions: { ...(draft.of === of ? draft.actions : {}), [row.code]: value as FindingAction },
                })
              }
              data={row.actions.map((action) => ({
                value: action,
                label: `${words('checkAction', action)}${action === row.standard ? ` (${t('checks.standardMark')})` : ''}`,
              }))}
            />
          ) : (
            <Text size="sm" {...(row.actions.length > 1 ? {} : { c: 'dimmed' })}>
              {words('checkAction', row.chosen)}
            </Text>
          ),
      },
    ],
    [t, words, format, mayDecide, drafted, draft, of],
  )
  const shown = (row: Row): boolean =>
    (!only || row.week > 0) &&
    `${row.code} ${words('check', row.code)} ${words('checkSays', row.code)}`
      .toLowerCase()
      .includes(search.toLowerCase())
  return (
    <Stack>
      <Group align="end">
        <Select
          label={t('checks.source')}
          value={source ?? ''}
          allowDeselect={false}
          onChange={(value) => change({ source: value === '' ? undefined : (value ?? undefined) })}
          data={[
            { value: '', label: t('checks.all') },
            ...(sources.data?.items ?? []).map((one) => ({ value: one.id, label: one.name })),
          ]}
          data-testid="checks-source"
        />
        <TextInput
          label={t('checks.search')}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Switch
          label={t('checks.only')}
          checked={only}
          onChange={(event) => setOnly(event.currentTarget.checked)}
          mb={8}
        />
      </Group>
      {source === undefined ? (
        <Text size="sm" c="dimmed">
          {t('checks.chooseSource')}
        </Text>
      ) : rules.data === undefined ? null : (
        <Decision key={of} rules={rules.data} source={source} drafted={drafted} mayDecide={mayDecide} />
      )}
      <Fetch of={rules} loading={<Loading rows={10} height={44} />}>
        {(value) => {
          const rows = value.items.filter(shown)
          return rows.length === 0 ? (
            <Empty title={t('checks.none')} hint={t('checks.noneHint')} />
          ) : (
            <DataTable
              testid="checks"
              label={t('checks.title')}
              columns={columns}
              rows={rows}
              rowKey={(row) => row.code}
              sorted={{ id: 'week', desc: true }}
            />
          )
        }}
      </Fetch>
    </Stack>
  )
}

function Decision(props: { rules: Rules; source: SourceId; drafted: Actions; mayDecide: boolean }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { rules, source, drafted } = props
  const [opened, setOpened] = useState(false)
  const [asking, setAsking] = useState(false)
  const [note, setNote] = useState('')
  const preview = useDeed(api.ingest.previewChecks)
  const decide = useDeed(api.ingest.decideChecks, { refresh: ['ingest'], done: t('checks.saved') })
  const takeBack = useDeed(api.ingest.takeBackChecks, { refresh: ['ingest'], done: t('checks.takenBack') })
  const [effect, setEffect] = useState<AnswerOf<typeof api.ingest.previewChecks> | null>(null)
  const actions = useMemo(
    () =>
      Object.fromEntries(
        rules.items.flatMap((row) => {
          const action = drafted[row.code]
          return row.actions.length > 1 && action !== undefined && action !== row.standard ? [[row.code, action]] : []
        }),
      ) as Actions,
    [rules, drafted],
  )
  const changed = rules.items.some((row) => drafted[row.code] !== undefined && drafted[row.code] !== row.chosen)
  const [last] = rules.versions

  async function look(): Promise<void> {
    const answer = await preview.run({ params: { source }, body: { actions } })
    if (answer !== undefined) setEffect(answer)
    setOpened(true)
  }

  return (
    <>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" data-testid="checks-version">
          {last === undefined ? (
            t('checks.versionNone')
          ) : (
            <>
              {t('checks.version', { version: last.version })}: {last.note} ({last.by}, <Ago at={last.at} />)
            </>
          )}
        </Text>
        {props.mayDecide ? (
          <Group gap="xs">
            <Button
              size="xs"
              disabled={!changed}
              loading={preview.pending}
              onClick={() => void look()}
              data-testid="checks-preview"
            >
              {t('checks.preview')}
            </Button>
            <Button size="xs" variant="default" disabled={last === undefined} onClick={() => setAsking(true)}>
              {t('checks.takeBack')}
            </Button>
          </Group>
        ) : null}
      </Group>
      {rules.repairs.length === 0 ? null : (
        <Stack gap={4}>
          <Text size="sm" fw={550}>
            {t('checks.standing')}
          </Text>
          {rules.repairs.map((repair) => (
            <RepairLine key={JSON.stringify(repair)} repair={repair} />
          ))}
        </Stack>
      )}
      <Drawer opened={opened} onClose={() => setOpened(false)} position="right" size="lg" title={t('checks.preview')}>
        {effect === null ? (
          <Loading rows={4} />
        ) : (
          <Stack>
            <Text size="sm">{t('checks.effect', { items: format.count(effect.items) })}</Text>
            {effect.changes.length === 0 ? <Text size="sm">{t('checks.noChange')}</Text> : null}
            <Table>
              <Table.Tbody>
                {effect.changes.map((one) => (
                  <Table.Tr key={one.code}>
                    <Table.Td>
                      <Text size="sm" fw={550}>
                        {words('check', one.code)}
                      </Text>
                      <Text size="xs" c="dimmed">
                        {t('checks.from', {
                          from: words('checkAction', one.from),
                          to: words('checkAction', one.to),
                        })}
                      </Text>
                    </Table.Td>
                    <Table.Td>
                      <Text size="sm">
                        {t('checks.change', {
                          affected: format.count(one.affected),
                          share: format.percent(one.share),
                          people: format.count(one.people),
                          turnover: format.money(one.turnover, effect.currency),
                        })}
                      </Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
            {effect.wouldWait === 0 ? null : (
              <Alert color="orange">{t('checks.wouldWait', { count: effect.wouldWait })}</Alert>
            )}
            {effect.wouldPass === 0 ? null : (
              <Alert color="teal">{t('checks.wouldPass', { count: effect.wouldPass })}</Alert>
            )}
            <Textarea
              label={t('checks.note')}
              autosize
              minRows={2}
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
              data-testid="checks-note"
            />
            <Button
              disabled={note.trim().length < 3}
              loading={decide.pending}
              onClick={() =>
                void decide
                  .run({ params: { source }, body: { actions, note, version: rules.version } })
                  .then((answer) => (answer === undefined ? undefined : setOpened(false)))
              }
              data-testid="checks-save"
            >
              {t('checks.save')}
            </Button>
          </Stack>
        )}
      </Drawer>
      <Confirm
        opened={asking}
        title={t('checks.takeBack')}
        text={t('checks.takeBackText')}
        confirm={t('checks.takeBack')}
        pending={takeBack.pending}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          void takeBack.run({ params: { source }, body: { version: rules.version } }).then(() => setAsking(false))
        }
      />
    </>
  )
}
