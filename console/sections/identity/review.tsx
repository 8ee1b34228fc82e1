import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import {
  Badge,
  Button,
  Card,
  Grid,
  Group,
  Kbd,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  UnstyledButton,
} from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useNames } from '../../shell/names.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Question } from './question.tsx'
import { ValuesAside } from './values-aside.tsx'

type Item = AnswerOf<typeof api.identity.review>['items'][number]
export type ReviewAnswer = NonNullable<Item['answer']>

/** What the answers are, and the key of each. */
const answersOf = (item: Item): ReviewAnswer[] =>
  item.kind === 'hot_value'
    ? isCard(item)
      ? ['release', 'keep', 'household']
      : ['release', 'keep']
    : ['same', 'different', 'household', 'unsure']
const isCard = ({ via }: Item) => /^(?:loyalty_card|customer_no|user_id)\b/.test(via?.namespace ?? '')

/** The work-bench: questions on the left, both records of one beside each other, answers by one key each. */
export function Review(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  useLiveAnswers(['identity'])
  const open = filters.open === 'false' ? 'false' : 'true'
  const aside = filters.open === 'aside'
  const items = usePages(api.identity.review, { query: { limit: 20, open } }, { enabled: !aside })
  return (
    <Page
      title={t('identity.title')}
      hint={t('identity.hint')}
      above={
        <Group gap="md">
          <ScreenLink to="/profile" size="xs">
            {t('nav.profile')}
          </ScreenLink>
          <ScreenLink to="/identity/runs" size="xs">
            {t('matching.title')}
          </ScreenLink>
        </Group>
      }
    >
      <Health />
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label={t('identity.which')}
          value={aside ? 'aside' : open}
          onChange={(chosen) => change({ open: chosen === 'true' ? undefined : chosen })}
          data={[
            { value: 'true', label: t('identity.open') },
            { value: 'false', label: t('identity.answered') },
            { value: 'aside', label: t('identity.aside') },
          ]}
        />
        <TwoPeople />
        <Text size="xs" c="dimmed" visibleFrom="md">
          <Kbd size="xs">1</Kbd>–<Kbd size="xs">4</Kbd> {t('identity.keysAnswer')} · <Kbd size="xs">J</Kbd>{' '}
          <Kbd size="xs">K</Kbd> {t('identity.keysMove')} · <Kbd size="xs">U</Kbd> {t('identity.keysUndo')}
        </Text>
      </Group>
      {aside ? (
        <ValuesAside />
      ) : (
        <Fetch
          of={items}
          loading={<Loading rows={4} height={90} />}
          empty={(rows) =>
            rows.length > 0 ? null : open === 'true' ? (
              <Empty title={t('identity.nothing')} hint={t('identity.nothingHint')} />
            ) : (
              <Empty title={t('identity.noAnswers')} hint={t('identity.noAnswersHint')} />
            )
          }
        >
          {(rows) => <Bench key={open} rows={rows} more={items.more} onEnd={items.onEnd} />}
        </Fetch>
      )}
    </Page>
  )
}

function Bench(props: { rows: Item[]; more: boolean; onEnd: () => void }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const words = useWords()
  const { rows } = props
  const nameOfPerson = useNames(rows.flatMap((item) => [item.one, item.other]))
  const [place, setPlace] = useState(0)
  const [answered, setAnswered] = useState<string[]>([])
  const at = Math.min(place, rows.length - 1)
  const item = rows[at]
  const answer = useDeed(api.identity.answerReview, { refresh: ['identity', 'profile'] })
  const undo = useDeed(api.identity.undoAnswer, { refresh: ['identity', 'profile'], done: t('identity.takenBack') })
  const allowed = may(api.identity.answerReview)
  const last = answered.at(-1)

  const move = (by: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, at + by))
    setPlace(next)
    if (next >= rows.length - 5 && props.more) props.onEnd()
  }
  const say = (said: ReviewAnswer | undefined): void => {
    if (item === undefined || said === undefined || !allowed || answer.pending || item.answer !== null) return
    void answer.run({ params: { item: item.id }, body: { answer: said } }).then((done) => {
      if (done?.waits) move(1)
      else if (done !== undefined) setAnswered((before) => [...before.slice(-19), item.id])
    })
  }
  const takeBack = (id: string | undefined): void => {
    if (id === undefined || !allowed || undo.pending) return
    void undo.run({ params: { item: id } }).then((done) => {
      if (done !== undefined) setAnswered((before) => before.filter((one) => one !== id))
    })
  }
  const keys = item === undefined ? [] : answersOf(item)
  useHotkeys([
    ['j', () => move(1)],
    ['k', () => move(-1)],
    ['u', () => takeBack(item?.answer === null ? last : item?.id)],
    ['1', () => say(keys[0])],
    ['2', () => say(keys[1])],
    ['3', () => say(keys[2])],
    ['4', () => say(keys[3])],
  ])

  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 4 }}>
        <Stack
          gap={6}
          mah={{ base: 260, md: 720 }}
          style={{ overflow: 'auto' }}
          role="listbox"
          aria-label={t('identity.title')}
        >
          {rows.map((row, index) => (
            <Line
              key={row.id}
              item={row}
              chosen={index === at}
              nameOf={nameOfPerson}
              onChoose={() => setPlace(index)}
            />
          ))}
          <LoadMore of={props} size="xs" />
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 8 }}>
        {item === undefined ? null : (
          <Question item={item.id} nameOf={nameOfPerson}>
            <Group gap="xs">
              {item.firstBy === null ? null : (
                <Badge variant="light" tt="none" color="orange" data-testid="waits-for-second">
                  {t('identity.waitsForSecond', { who: item.firstBy.replace(/^\w+:/, '') })}
                </Badge>
              )}
              {item.answer !== null ? (
                <Badge variant="light" tt="none" color="gray">
                  {words('answer', item.answer)}
                </Badge>
              ) : allowed ? (
                keys.map((said, index) => (
                  <Button
                    key={said}
                    size="xs"
                    variant={index === 0 ? 'filled' : 'default'}
                    loading={answer.pending}
                    onClick={() => say(said)}
                    rightSection={<Kbd size="xs">{index + 1}</Kbd>}
                    data-testid={`answer-${said}`}
                  >
                    {words('answer', said === 'household' && item.kind === 'hot_value' ? 'family_card' : said)}
                  </Button>
                ))
              ) : null}
              {allowed && (item.answer !== null || last !== undefined) ? (
                <Button
                  size="xs"
                  variant="subtle"
                  loading={undo.pending}
                  onClick={() => takeBack(item.answer === null ? last : item.id)}
                  data-testid="take-back"
                >
                  {t(item.answer === null ? 'identity.takeBackLast' : 'identity.takeBack')}
                </Button>
              ) : null}
            </Group>
          </Question>
        )}
      </Grid.Col>
    </Grid>
  )
}

function Line(props: {
  item: Item
  chosen: boolean
  nameOf: (person: PersonId) => string | undefined
  onChoose: () => void
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const { item } = props
  const people = [item.one, item.other]
    .filter((person) => person !== null)
    .map((person) => props.nameOf(person) ?? t('person.anonymous'))
  return (
    <UnstyledButton onClick={props.onChoose} role="option" aria-selected={props.chosen} data-testid="review-item">
      <Card withBorder padding="xs" radius="sm" bg={props.chosen ? 'var(--mantine-primary-color-light)' : ''}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text fw={600} size="sm" truncate>
            {people.length > 0 ? people.join(' · ') : (item.via?.value ?? '')}
          </Text>
          {item.probability === null ? null : (
            <Badge variant="light" tt="none" size="sm" style={{ flexShrink: 0 }}>
              {format.percent(item.probability)}
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed" truncate>
          {words('conflict', item.code)}
          {item.via === null ? '' : ` · ${words('namespace', item.via.namespace)} ${item.via.value}`} ·{' '}
          <Ago at={item.lastAt} />
        </Text>
      </Card>
    </UnstyledButton>
  )
}

/** Whether two colleagues have to agree; a switch for whoever may set it. */
function TwoPeople(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const rule = useAnswer(api.identity.reviewRule)
  const set = useDeed(api.identity.setReviewRule, { refresh: ['identity'], done: t('identity.ruleSaved') })
  if (rule.data === undefined) return null
  return (
    <Switch
      size="xs"
      label={t('identity.twoPeople')}
      checked={rule.data.twoPeople}
      disabled={set.pending || !may(api.identity.setReviewRule)}
      onChange={(change) => {
        // Keys answer questions again: inside a field they would be typed.
        change.currentTarget.blur()
        void set.run({ body: { twoPeople: change.currentTarget.checked } })
      }}
      data-testid="two-people"
    />
  )
}

function Health(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const health = useAnswer(api.identity.health)
  return (
    <Fetch of={health} loading={<Loading rows={2} height={60} />}>
      {(value) => (
        <SimpleGrid cols={{ base: 2, lg: 4 }}>
          <StatCard
            label={t('identity.people')}
            value={format.count(value.people)}
            definition={t('identity.peopleMeaning')}
            since={t('identity.known', { shown: format.count(value.known) })}
          />
          <StatCard
            label={t('identity.identifiers')}
            value={format.count(value.identifiers)}
            definition={t('identity.identifiersMeaning')}
            since={t('identity.perPerson', {
              shown: format.decimal(value.people === 0 ? 0 : value.identifiers / value.people, 1),
            })}
          />
          <StatCard
            label={t('identity.mergesCount')}
            value={format.count(value.merges)}
            definition={t('identity.mergesMeaning')}
            since={t('identity.unmerges', { shown: format.count(value.unmerges) })}
          />
          <StatCard
            label={t('identity.openCount')}
            value={format.count(value.reviewOpen)}
            definition={t('identity.hint')}
            since={t('identity.hot', { shown: format.count(value.hotValues) })}
          />
        </SimpleGrid>
      )}
    </Fetch>
  )
}
