import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Button, Card, Group, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { nameOf } from '../../kit/person.ts'
import { StatCard } from '../../kit/stat-card.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink, ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useNames } from '../../shell/names.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Item = AnswerOf<typeof api.identity.review>['items'][number]

/** Pairs of records where the rules stop and a person has to look. */
export function Review(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  useLiveAnswers(['identity'])
  const items = usePages(api.identity.review, {
    query: { limit: 50, open: filters.open === 'false' ? 'false' : 'true' },
  })
  const nameOfPerson = useNames(items.data?.flatMap((item) => [item.one, item.other]) ?? [])
  return (
    <Page
      title={t('identity.title')}
      hint={t('identity.hint')}
      above={
        <ScreenLink to="/profile" size="xs">
          {t('nav.profile')}
        </ScreenLink>
      }
    >
      <Health />
      <Group>
        <SegmentedControl
          size="xs"
          aria-label={t('identity.which')}
          value={filters.open === 'false' ? 'false' : 'true'}
          onChange={(open) => change({ open: open === 'false' ? 'false' : undefined })}
          data={[
            { value: 'true', label: t('identity.open') },
            { value: 'false', label: t('identity.answered') },
          ]}
        />
      </Group>
      <Fetch
        of={items}
        loading={<Loading rows={4} height={90} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('identity.nothing')} hint={t('identity.nothingHint')} /> : null
        }
      >
        {(rows) => (
          <Stack>
            {rows.map((item) => (
              <Question key={item.id} item={item} nameOf={nameOfPerson} />
            ))}
            {items.more ? (
              <Button variant="subtle" onClick={items.onEnd}>
                {t('kit.loadMore')}
              </Button>
            ) : null}
          </Stack>
        )}
      </Fetch>
    </Page>
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

function Question(props: { item: Item; nameOf: (person: PersonId) => string | undefined }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const { item } = props
  const [shown, setShown] = useState(false)
  const answer = useDeed(api.identity.answerReview, { refresh: ['identity', 'profile'], done: t('identity.thanks') })
  const say = (said: 'same' | 'different' | 'household' | 'unsure'): void =>
    void answer.run({ params: { item: item.id }, body: { answer: said } })
  return (
    <Card withBorder data-testid="review-item">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <Stack gap={4}>
          <Text fw={600} size="sm">
            {words('conflict', item.code)} · {words('namespace', item.via.namespace)} {item.via.value}
          </Text>
          <Text size="sm">{item.why}</Text>
          <Group gap="sm" align="center">
            {item.one === null ? null : <Side person={item.one} name={props.nameOf(item.one)} shown={shown} />}
            {item.other === null ? null : <Side person={item.other} name={props.nameOf(item.other)} shown={shown} />}
            {shown || !may(api.profile.view) ? null : (
              <Button size="compact-xs" variant="light" onClick={() => setShown(true)} data-testid="compare">
                {t('identity.compare')}
              </Button>
            )}
          </Group>
          <Text size="xs" c="dimmed">
            {t('identity.times', { count: item.times })} · <Ago at={item.lastAt} />
          </Text>
        </Stack>
        {item.answer !== null ? (
          <Text size="sm" c="dimmed">
            {words('answer', item.answer)}
          </Text>
        ) : may(api.identity.answerReview) ? (
          <Group gap="xs">
            {(['same', 'different', 'household', 'unsure'] as const)
              .filter((said) => item.kind === 'conflict' || said === 'different' || said === 'unsure')
              .map((said) => (
                <Button
                  key={said}
                  size="xs"
                  variant={said === 'same' ? 'light' : 'default'}
                  loading={answer.pending}
                  onClick={() => say(said)}
                  data-testid={`answer-${said}`}
                >
                  {words('answer', said)}
                </Button>
              ))}
          </Group>
        ) : null}
      </Group>
    </Card>
  )
}

/** Opened on request: looking at a customer is written down, so a list does not do it by itself. */
function Side(props: { person: PersonId; name: string | undefined; shown: boolean }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const view = useAnswer(
    api.profile.view,
    { params: { person: props.person } },
    { enabled: props.shown && may(api.profile.view) },
  )
  const summary = view.data?.summary
  return (
    <Card withBorder padding="xs" radius="sm" miw={240}>
      <PersonLink
        person={props.person}
        name={summary === undefined ? (props.name ?? t('person.anonymous')) : nameOf(summary, t('person.anonymous'))}
      />
      {summary === undefined ? null : (
        <>
          <Text size="xs">{[summary.email, summary.phone].filter(Boolean).join(' · ') || '–'}</Text>
          <Text size="xs">{[summary.street, summary.postalCode, summary.city].filter(Boolean).join(', ') || '–'}</Text>
          <Text size="xs" c="dimmed">
            {[summary.birthday, summary.loyaltyCard].filter(Boolean).join(' · ')}
          </Text>
        </>
      )}
    </Card>
  )
}
