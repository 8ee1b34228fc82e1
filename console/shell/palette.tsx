import { api } from '@einklang/contract'
import { useMantineColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Spotlight, spotlight } from '@mantine/spotlight'
import {
  IconLanguage,
  IconLogout,
  IconMoon,
  IconRoute,
  IconSearch,
  IconSun,
  IconUser,
  IconUsersGroup,
} from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { nameOf } from '../kit/person.ts'
import { useAnswer } from './api.ts'
import { speak } from './language.ts'
import { sections } from './sections.tsx'
import { useMay } from './session.ts'
import { signOut } from './sign-in.tsx'

export function openPalette(): void {
  spotlight.open()
}

type Choice = { id: string; label: string; description?: string | undefined; icon: ReactNode; act: () => void }

/** Ctrl-K: customers by anything one knows of them, screens, audiences, journeys, and what one can do everywhere. */
export function Palette(): ReactNode {
  const { t } = useTranslation()
  const [query, setQuery] = useState('')
  return (
    <Spotlight.Root query={query} onQueryChange={setQuery} shortcut={['mod + K', '/']} scrollable maxHeight={420}>
      <Spotlight.Search
        placeholder={t('palette.placeholder')}
        aria-label={t('palette.placeholder')}
        leftSection={<IconSearch size={18} stroke={1.6} aria-hidden />}
        data-testid="palette"
      />
      <Choices query={query} />
    </Spotlight.Root>
  )
}

/** Made when the palette opens. */
function Choices(props: { query: string }): ReactNode {
  const { query } = props
  const { t, i18n } = useTranslation()
  const navigate = useNavigate()
  const may = useMay()
  const { setColorScheme } = useMantineColorScheme()
  const [wanted] = useDebouncedValue(query.trim(), 120)
  const asking = wanted.length >= 2
  const people = useAnswer(
    api.profile.search,
    { query: { q: wanted, limit: 7 } },
    { enabled: asking && may(api.profile.search), keep: true },
  )
  const audiences = useAnswer(api.audience.list, undefined, { enabled: asking && may(api.audience.list) })
  const journeys = useAnswer(api.decision.journeys, undefined, { enabled: asking && may(api.decision.journeys) })

  const fits = (text: string): boolean => text.toLowerCase().includes(query.trim().toLowerCase())

  const pages: Choice[] = sections
    .filter((section) => may(section.needs))
    .map((section) => ({
      id: section.to,
      label: t(`nav.${section.word}`),
      description: t(`hint.${section.word}`),
      icon: <section.icon size={18} stroke={1.6} />,
      act: () => void navigate({ to: section.to }),
    }))
  const deeds: Choice[] = [
    {
      id: 'language',
      label: t('palette.language'),
      icon: <IconLanguage size={18} stroke={1.6} />,
      act: () => void speak(i18n.language === 'de' ? 'en' : 'de'),
    },
    { id: 'light', label: t('palette.light'), icon: <IconSun size={18} />, act: () => setColorScheme('light') },
    { id: 'dark', label: t('palette.dark'), icon: <IconMoon size={18} />, act: () => setColorScheme('dark') },
    { id: 'out', label: t('shell.signOut'), icon: <IconLogout size={18} />, act: () => void signOut() },
  ]
  const customers: Choice[] = (asking ? (people.data?.items ?? []) : []).map((person) => ({
    id: person.person,
    label: nameOf(person, t('person.anonymous')),
    description: [person.email, person.phone, person.city].filter((part) => part !== null).join(' · '),
    icon: <IconUser size={18} stroke={1.6} />,
    act: () => void navigate({ to: '/profile/$person', params: { person: person.person } }),
  }))
  const objects: Choice[] = [
    ...(audiences.data?.items ?? []).map((audience) => ({
      id: audience.audience as string,
      label: audience.name,
      description: t('nav.audience'),
      icon: <IconUsersGroup size={18} stroke={1.6} />,
      act: () => void navigate({ to: '/audience/$audience', params: { audience: audience.audience } }),
    })),
    ...(journeys.data?.items ?? []).map((journey) => ({
      id: journey.id as string,
      label: journey.name,
      description: t('nav.decision'),
      icon: <IconRoute size={18} stroke={1.6} />,
      act: () => void navigate({ to: '/decision/$journey', params: { journey: journey.id } }),
    })),
  ].filter((choice) => asking && fits(choice.label))

  const groups = [
    { label: t('nav.profile'), choices: customers },
    { label: t('palette.objects'), choices: objects },
    { label: t('palette.screens'), choices: pages.filter((choice) => fits(`${choice.label} ${choice.description}`)) },
    { label: t('palette.deeds'), choices: deeds.filter((choice) => fits(choice.label)) },
  ].filter((group) => group.choices.length > 0)

  // Results come later than letters; Enter always opens the first of them.
  const shown = groups.flatMap((group) => group.choices.map((choice) => choice.id)).join()
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (shown === '' || list.current?.querySelector('[data-selected]') !== null) return
    list.current.querySelector('[data-action]')?.setAttribute('data-selected', 'true')
  }, [shown])

  return (
    <Spotlight.ActionsList ref={list}>
      {groups.map((group) => (
        <Spotlight.ActionsGroup key={group.label} label={group.label}>
          {group.choices.map((choice) => (
            <Spotlight.Action
              key={choice.id}
              label={choice.label}
              description={choice.description ?? ''}
              leftSection={choice.icon}
              onClick={choice.act}
            />
          ))}
        </Spotlight.ActionsGroup>
      ))}
      {groups.length === 0 ? <Spotlight.Empty>{t('palette.nothing')}</Spotlight.Empty> : null}
    </Spotlight.ActionsList>
  )
}
