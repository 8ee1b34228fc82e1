import { type AnswerOf, api, channels, comparisons, type Predicate, purposes } from '@einklang/contract'
import {
  ActionIcon,
  Autocomplete,
  Box,
  Button,
  Group,
  Menu,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  Switch,
  TagsInput,
  Text,
} from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useWords } from '../../shell/words.ts'
import {
  addAt,
  asGroup,
  blank,
  changeAt,
  type Group as GroupNode,
  isGroup,
  isNegated,
  joinBy,
  kindOf,
  type Leaf,
  leafKinds,
  negateAt,
  type Path,
  valueFor,
} from './tree.ts'

export type Vocabulary = AnswerOf<typeof api.audience.vocabulary>

/** Conditions as nested lists: every leaf is one line one can read aloud. */
export function Builder(props: {
  tree: Predicate
  vocabulary: Vocabulary
  onChange: (tree: Predicate) => void
  disabled?: boolean
}): ReactNode {
  const tree = asGroup(props.tree)
  const change = (path: Path, changed: (now: Predicate) => Predicate | null): void =>
    props.onChange(changeAt(tree, path, changed) ?? { all: [] })
  return (
    <fieldset disabled={props.disabled ?? false} style={{ border: 0, padding: 0, margin: 0 }} data-testid="builder">
      <GroupBox
        node={tree}
        path={[]}
        vocabulary={props.vocabulary}
        change={change}
        add={(path, kind) =>
          props.onChange(addAt(tree, path, kind === 'group' ? { any: [blank('trait')] } : blank(kind)))
        }
        negate={(path) => props.onChange(negateAt(tree, path))}
      />
    </fieldset>
  )
}

type Tools = {
  vocabulary: Vocabulary
  change: (path: Path, changed: (now: Predicate) => Predicate | null) => void
  add: (path: Path, kind: (typeof leafKinds)[number] | 'group') => void
  negate: (path: Path) => void
}

function GroupBox(props: Tools & { node: GroupNode; path: Path; negated?: boolean }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { node, path, negated, ...tools } = props
  const word = 'all' in node ? 'all' : 'any'
  const children = 'all' in node ? node.all : node.any
  const root = path.length === 0
  return (
    <Box
      p="sm"
      style={{
        border: '1px solid var(--mantine-color-default-border)',
        borderRadius: 8,
        borderLeft: `3px solid ${word === 'all' ? 'var(--mantine-primary-color-filled)' : 'var(--mantine-color-orange-6)'}`,
      }}
    >
      <Group justify="space-between" mb="xs">
        <Group gap="xs">
          <Text size="sm">{t(negated === true ? 'builder.noneOf' : 'builder.holds')}</Text>
          <SegmentedControl
            size="xs"
            value={word}
            aria-label={t('builder.join')}
            onChange={(value) => tools.change(path, () => joinBy(node, value as 'all' | 'any'))}
            data={[
              { value: 'all', label: t('builder.all') },
              { value: 'any', label: t('builder.any') },
            ]}
          />
        </Group>
        {root ? null : (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('builder.removeGroup')}
            onClick={() => tools.change(path, () => null)}
          >
            <IconX size={15} aria-hidden />
          </ActionIcon>
        )}
      </Group>
      <Stack gap="xs">
        {children.map((child, index) => {
          const inner = isNegated(child) ? child.not : child
          const where = [...path, index]
          const innerPath = isNegated(child) ? [...where, 0] : where
          // Conditions have no identity of their own; their place is all there is.
          const key = `${where.join('.')}`
          return isGroup(inner) ? (
            <GroupBox key={key} {...tools} node={inner} path={innerPath} negated={isNegated(child)} />
          ) : (
            <LeafRow key={key} {...tools} leaf={inner} path={innerPath} whole={where} negated={isNegated(child)} />
          )
        })}
        <Menu position="bottom-start">
          <Menu.Target>
            <Button
              size="xs"
              variant="subtle"
              leftSection={<IconPlus size={14} aria-hidden />}
              style={{ alignSelf: 'flex-start' }}
              data-testid="add-condition"
            >
              {t('builder.add')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {leafKinds.map((kind) => (
              <Menu.Item key={kind} onClick={() => tools.add(path, kind)}>
                {words('leaf', kind)}
              </Menu.Item>
            ))}
            <Menu.Divider />
            <Menu.Item onClick={() => tools.add(path, 'group')}>{t('builder.group')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Stack>
    </Box>
  )
}

function LeafRow(props: Tools & { leaf: Predicate; path: Path; whole: Path; negated: boolean }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const kind = kindOf(props.leaf)
  const put = (leaf: Predicate): void => props.change(props.path, () => leaf)
  return (
    <Group
      gap="xs"
      align="center"
      wrap="wrap"
      role="group"
      aria-label={words('leaf', kind)}
      data-testid={`leaf-${kind}`}
    >
      <Switch
        size="xs"
        label={t('builder.not')}
        checked={props.negated}
        onChange={() => props.negate(props.whole)}
        aria-label={t('builder.not')}
      />
      <Fields leaf={props.leaf} vocabulary={props.vocabulary} put={put} />
      <ActionIcon
        ml="auto"
        variant="subtle"
        color="gray"
        aria-label={t('builder.remove')}
        onClick={() => props.change(props.whole, () => null)}
      >
        <IconX size={15} aria-hidden />
      </ActionIcon>
    </Group>
  )
}

type FieldProps<L extends Predicate> = { leaf: L; vocabulary: Vocabulary; put: (leaf: Predicate) => void }

function Fields(props: FieldProps<Predicate>): ReactNode {
  const { leaf, vocabulary, put } = props
  if ('trait' in leaf) return <TraitFields leaf={leaf} vocabulary={vocabulary} put={put} />
  if ('event' in leaf) return <EventFields leaf={leaf} vocabulary={vocabulary} put={put} />
  if ('orders' in leaf) return <OrderFields leaf={leaf} vocabulary={vocabulary} put={put} />
  if ('spent' in leaf) return <SpentFields leaf={leaf} vocabulary={vocabulary} put={put} />
  if ('permitted' in leaf) return <PermittedFields leaf={leaf} vocabulary={vocabulary} put={put} />
  if ('score' in leaf) return <ScoreFields leaf={leaf} vocabulary={vocabulary} put={put} />
  if ('member' in leaf) return <MemberFields leaf={leaf} vocabulary={vocabulary} put={put} />
  return <CartText />
}

function CartText(): ReactNode {
  const { t } = useTranslation()
  return <Text size="sm">{t('builder.cartOpen')}</Text>
}

function TraitFields(props: FieldProps<Leaf<'trait'>>): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { leaf, put } = props
  const examples = props.vocabulary.traits.find((trait) => trait.name === leaf.trait)?.examples ?? []
  const texts = Array.isArray(leaf.value) ? leaf.value.map(String) : []
  const text = leaf.value === undefined || Array.isArray(leaf.value) ? '' : String(leaf.value)
  const write = (comparison: typeof leaf.is, typed: string | string[]): void => {
    const value = valueFor(comparison, typed)
    put({ trait: leaf.trait, is: comparison, ...(value === undefined ? {} : { value }) })
  }
  return (
    <>
      <Select
        size="xs"
        w={170}
        searchable
        aria-label={t('builder.trait')}
        value={leaf.trait}
        allowDeselect={false}
        onChange={(trait) => put({ ...leaf, trait: trait ?? leaf.trait })}
        data={choices(
          props.vocabulary.traits.map((trait) => ({ value: trait.name, label: words('trait', trait.name) })),
          leaf.trait,
        )}
      />
      <Select
        size="xs"
        w={140}
        aria-label={t('builder.comparison')}
        value={leaf.is}
        allowDeselect={false}
        onChange={(is) => write((is ?? 'equal') as typeof leaf.is, texts.length > 0 ? texts : text)}
        data={comparisons.map((value) => ({ value, label: words('comparison', value) }))}
      />
      {leaf.is === 'known' || leaf.is === 'unknown' ? null : leaf.is === 'one_of' ? (
        <TagsInput
          size="xs"
          w={260}
          aria-label={t('builder.value')}
          value={texts}
          data={examples}
          onChange={(value) => write('one_of', value)}
        />
      ) : (
        <Autocomplete
          size="xs"
          w={190}
          aria-label={t('builder.value')}
          value={text}
          data={[...new Set(examples)]}
          onChange={(value) => write(leaf.is, value)}
        />
      )}
    </>
  )
}

function EventFields(props: FieldProps<Leaf<'event'>>): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { leaf, put } = props
  return (
    <>
      <Select
        size="xs"
        w={210}
        searchable
        aria-label={t('builder.event')}
        value={leaf.event}
        allowDeselect={false}
        onChange={(event) => put({ ...leaf, event: event ?? leaf.event })}
        data={choices(
          props.vocabulary.events.map((event) => ({ value: event.name, label: words('event', event.name) })),
          leaf.event,
        )}
      />
      <Times value={leaf.times} onChange={(times) => put({ ...leaf, times })} />
      <Within value={leaf.within} onChange={(within) => put(withWindow(leaf, within))} />
    </>
  )
}

function OrderFields(props: FieldProps<Leaf<'orders'>>): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { leaf, put } = props
  return (
    <>
      <Text size="sm">{t('builder.orders')}</Text>
      <Times value={leaf.orders} onChange={(orders) => put({ ...leaf, orders })} />
      <Select
        size="xs"
        w={140}
        clearable
        placeholder={t('builder.anywhere')}
        aria-label={t('builder.where')}
        value={leaf.channel ?? null}
        onChange={(channel) => {
          const { channel: _, ...rest } = leaf
          put(channel === null ? rest : { ...rest, channel: channel as 'web' })
        }}
        data={['web', 'app', 'store'].map((value) => ({ value, label: words('channel', value) }))}
      />
      <Within value={leaf.within} onChange={(within) => put(withWindow(leaf, within))} />
    </>
  )
}

function SpentFields(props: FieldProps<Leaf<'spent'>>): ReactNode {
  const { t } = useTranslation()
  const { leaf, put } = props
  const minor = (value: string | number): number | undefined =>
    value === '' ? undefined : Math.round(Number(value) * 100)
  return (
    <>
      <Text size="sm">{t('builder.spent')}</Text>
      <NumberInput
        size="xs"
        w={110}
        min={0}
        decimalScale={2}
        placeholder={t('builder.least')}
        aria-label={t('builder.least')}
        value={leaf.spent.least === undefined ? '' : leaf.spent.least / 100}
        onChange={(value) => put({ ...leaf, spent: { ...leaf.spent, least: minor(value) } })}
      />
      <Text size="sm">–</Text>
      <NumberInput
        size="xs"
        w={110}
        min={0}
        decimalScale={2}
        placeholder={t('builder.most')}
        aria-label={t('builder.most')}
        value={leaf.spent.most === undefined ? '' : leaf.spent.most / 100}
        onChange={(value) => put({ ...leaf, spent: { ...leaf.spent, most: minor(value) } })}
      />
      <Within value={leaf.within} onChange={(within) => put(withWindow(leaf, within))} />
    </>
  )
}

function PermittedFields(props: FieldProps<Leaf<'permitted'>>): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { leaf, put } = props
  return (
    <>
      <Text size="sm">{t('builder.permitted')}</Text>
      <Select
        size="xs"
        w={200}
        aria-label={t('consent.purpose')}
        value={leaf.permitted}
        allowDeselect={false}
        onChange={(permitted) => put({ ...leaf, permitted: (permitted ?? leaf.permitted) as typeof leaf.permitted })}
        data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
      />
      <Select
        size="xs"
        w={120}
        aria-label={t('message.channel')}
        value={leaf.channel}
        allowDeselect={false}
        onChange={(channel) => put({ ...leaf, channel: (channel ?? leaf.channel) as typeof leaf.channel })}
        data={channels.map((value) => ({ value, label: words('channel', value) }))}
      />
    </>
  )
}

function ScoreFields(props: FieldProps<Leaf<'score'>>): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { leaf, put } = props
  return (
    <>
      <Select
        size="xs"
        w={180}
        aria-label={t('builder.score')}
        placeholder={t('builder.score')}
        value={leaf.score === '' ? null : leaf.score}
        onChange={(score) => put({ ...leaf, score: score ?? '' })}
        data={choices(
          props.vocabulary.scores.map((value) => ({ value, label: words('score', value) })),
          leaf.score,
        )}
      />
      <Select
        size="xs"
        w={140}
        aria-label={t('builder.comparison')}
        value={leaf.is}
        allowDeselect={false}
        onChange={(is) => put({ ...leaf, is: (is ?? 'more') as typeof leaf.is })}
        data={(['more', 'less', 'equal', 'known', 'unknown'] as const).map((value) => ({
          value,
          label: words('comparison', value),
        }))}
      />
      {leaf.is === 'known' || leaf.is === 'unknown' ? null : (
        <NumberInput
          size="xs"
          w={110}
          aria-label={t('builder.value')}
          value={leaf.value}
          onChange={(value) => put({ ...leaf, value: Number(value) || 0 })}
        />
      )}
    </>
  )
}

function MemberFields(props: FieldProps<Leaf<'member'>>): ReactNode {
  const { t } = useTranslation()
  const { leaf, put } = props
  return (
    <>
      <Text size="sm">{t('builder.member')}</Text>
      <Select
        size="xs"
        w={260}
        searchable
        aria-label={t('nav.audience')}
        value={leaf.member === '' ? null : leaf.member}
        onChange={(member) => put({ member: member ?? '' })}
        data={props.vocabulary.audiences.map((audience) => ({ value: audience.audience, label: audience.name }))}
      />
    </>
  )
}

type Bounds = { least?: number | undefined; most?: number | undefined }

function Times(props: { value: Bounds | undefined; onChange: (value: Bounds) => void }): ReactNode {
  const { t } = useTranslation()
  const value = props.value ?? {}
  const whole = (typed: string | number): number | undefined => (typed === '' ? undefined : Math.round(Number(typed)))
  return (
    <>
      <NumberInput
        size="xs"
        w={90}
        min={0}
        placeholder={t('builder.least')}
        aria-label={t('builder.leastTimes')}
        value={value.least ?? ''}
        onChange={(typed) => props.onChange({ ...value, least: whole(typed) })}
      />
      <Text size="sm">–</Text>
      <NumberInput
        size="xs"
        w={90}
        min={0}
        placeholder={t('builder.most')}
        aria-label={t('builder.mostTimes')}
        value={value.most ?? ''}
        onChange={(typed) => props.onChange({ ...value, most: whole(typed) })}
      />
      <Text size="sm">{t('builder.times')}</Text>
    </>
  )
}

function withWindow<L extends { within?: { days: number } }>(leaf: L, within: { days: number } | undefined): L {
  const { within: _, ...rest } = leaf
  return (within === undefined ? rest : { ...rest, within }) as L
}

function Within(props: {
  value: { days: number } | undefined
  onChange: (value: { days: number } | undefined) => void
}): ReactNode {
  const { t } = useTranslation()
  return (
    <>
      <Text size="sm">{t('builder.within')}</Text>
      <NumberInput
        size="xs"
        w={90}
        min={1}
        max={3650}
        placeholder={t('builder.ever')}
        aria-label={t('builder.days')}
        value={props.value?.days ?? ''}
        onChange={(typed) =>
          props.onChange(typed === '' ? undefined : { days: Math.max(1, Math.round(Number(typed))) })
        }
      />
      <Text size="sm">{t('builder.days')}</Text>
    </>
  )
}

/** The choice must contain what is chosen, even when it is no longer in the vocabulary. */
function choices(known: { value: string; label: string }[], now: string): { value: string; label: string }[] {
  if (now === '' || known.some((choice) => choice.value === now)) return known
  return [{ value: now, label: now }, ...known]
}
