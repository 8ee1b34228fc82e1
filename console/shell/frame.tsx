import {
  ActionIcon,
  AppShell,
  Avatar,
  Box,
  Burger,
  Group,
  Image,
  Kbd,
  Menu,
  Modal,
  NavLink,
  Progress,
  ScrollArea,
  Text,
  Tooltip,
  UnstyledButton,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBook, IconKey, IconLock, IconLogout, IconSearch } from '@tabler/icons-react'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { memo, type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import icon from '../icon.svg'
import { useFormat } from '../kit/format.ts'
import { Page } from '../kit/page.tsx'
import { Empty } from '../kit/states.tsx'
import { Boundary } from './boundary.tsx'
import { useConnected } from './live.ts'
import { openPalette, Palette } from './palette.tsx'
import { LanguageChoice, SchemeChoice } from './preferences.tsx'
import { sectionOf, sections } from './sections.tsx'
import { useMay, useSession } from './session.ts'
import { PasswordForm, signOut } from './sign-in.tsx'
import { useWords } from './words.ts'

/** Header, navigation in the order of the flow, and the screen. Only what depends on the address hears of it. */
export function Frame(): ReactNode {
  const { t } = useTranslation()
  const [open, { toggle, close }] = useDisclosure()
  const { brand } = useSession()
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="lg"
      transitionDuration={0}
    >
      <a className="skip" href="#content">
        {t('shell.skip')}
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} />
            <Link to="/" style={{ textDecoration: 'none', color: 'inherit' }} aria-label={t('nav.today')}>
              <Group gap={8} wrap="nowrap">
                <Image src={icon} w={28} h={28} alt="" />
                <Text fw={650} fz="lg" visibleFrom="xs">
                  Einklang
                </Text>
              </Group>
            </Link>
            <Text c="dimmed" size="sm" visibleFrom="md" ml="xs">
              {brand.name}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <SearchButton />
            <LiveLight />
            <Box visibleFrom="sm">
              <LanguageChoice />
            </Box>
            <SchemeChoice />
            <UserMenu />
          </Group>
        </Group>
        <Underway />
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav" aria-label={t('shell.navigation')}>
        <ScrollArea type="auto" style={{ flex: 1 }}>
          <Sections />
        </ScrollArea>
      </AppShell.Navbar>
      <Screen onChange={close} />
      <Palette />
    </AppShell>
  )
}

function Underway(): ReactNode {
  const busy = useRouterState({ select: (state) => state.status === 'pending' })
  return busy ? (
    <Progress value={100} animated size={2} radius={0} pos="absolute" bottom={-1} left={0} right={0} aria-hidden />
  ) : null
}

function Screen(props: { onChange: () => void }): ReactNode {
  const { onChange } = props
  // The screen that is shown: while the code of the next one comes, the address is already that of the next.
  const path = useRouterState({ select: (state) => state.matches.at(-1)?.pathname ?? state.location.pathname })
  const main = useRef<HTMLElement>(null)

  // A new screen begins at its top for keyboards and screen readers as well.
  const before = useRef(path)
  useEffect(() => {
    onChange()
    if (before.current !== path) main.current?.focus({ preventScroll: true })
    before.current = path
  }, [path, onChange])

  return (
    <AppShell.Main id="content" ref={main} tabIndex={-1} style={{ outline: 'none' }}>
      <Boundary key={path}>
        <Allowed path={path} />
      </Boundary>
    </AppShell.Main>
  )
}

/** A deep link to a screen that the reader's roles do not include says so, and who could help. */
function Allowed(props: { path: string }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const may = useMay()
  const { user } = useSession()
  const section = sectionOf(props.path)
  if (section === undefined || may(section.needs)) return <Outlet />
  const { may: needed } = section.needs
  const named = (roles: readonly string[]): string => format.list(roles.map((role) => words('role', role)))
  return (
    <Page title={t('kit.forbidden')}>
      <Empty
        title={t(`nav.${section.word}`)}
        icon={<IconLock stroke={1.5} />}
        hint={t('kit.forbiddenHint', {
          roles: named(user.roles),
          screen: t(`nav.${section.word}`),
          needed: typeof needed === 'string' ? '' : named(needed),
        })}
      />
    </Page>
  )
}

function Sections(): ReactNode {
  const path = useRouterState({ select: (state) => state.location.pathname })
  const may = useMay()
  return sections
    .filter((section) => may(section.needs))
    .map((section) => (
      <SectionLink
        key={section.to}
        section={section}
        active={section.to === '/' ? path === '/' : path.startsWith(section.to)}
      />
    ))
}

const SectionLink = memo(function SectionLink(props: {
  section: (typeof sections)[number]
  active: boolean
}): ReactNode {
  const { t } = useTranslation()
  const { section, active } = props
  return (
    <NavLink
      renderRoot={(rest) => <Link to={section.to} {...rest} />}
      label={t(`nav.${section.word}`)}
      leftSection={<section.icon size={18} stroke={1.6} />}
      active={active}
      aria-current={active ? 'page' : undefined}
      data-testid={`nav-${section.word}`}
      py={7}
      style={{ borderRadius: 8 }}
    />
  )
})

function SearchButton(): ReactNode {
  const { t } = useTranslation()
  return (
    <>
      <UnstyledButton
        onClick={openPalette}
        visibleFrom="sm"
        aria-label={t('palette.open')}
        data-testid="palette-open"
        style={{
          border: '1px solid var(--mantine-color-default-border)',
          borderRadius: 8,
          padding: '6px 10px',
          minWidth: 220,
        }}
      >
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Group gap={6} wrap="nowrap" c="dimmed">
            <IconSearch size={15} aria-hidden />
            <Text size="sm">{t('palette.open')}</Text>
          </Group>
          <Kbd size="xs">{t('palette.keys')}</Kbd>
        </Group>
      </UnstyledButton>
      <ActionIcon hiddenFrom="sm" variant="default" size="lg" onClick={openPalette} aria-label={t('palette.open')}>
        <IconSearch size={16} aria-hidden />
      </ActionIcon>
    </>
  )
}

function LiveLight(): ReactNode {
  const { t } = useTranslation()
  const connected = useConnected()
  if (connected === null) return null
  const label = t(connected ? 'shell.live' : 'shell.notLive')
  return (
    <Tooltip label={label}>
      <Box px={4} role="status" aria-label={label}>
        <div className="live-dot" data-on={connected} />
      </Box>
    </Tooltip>
  )
}

function UserMenu(): ReactNode {
  const { t } = useTranslation()
  const { user } = useSession()
  const words = useWords()
  const [changing, { open, close }] = useDisclosure()
  return (
    <>
      <Menu position="bottom-end" width={260} withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" size="lg" radius="xl" aria-label={t('shell.user')} data-testid="user-menu">
            <Avatar size={30} radius="xl" name={user.name} color="initials" alt="" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Box px="sm" py={6}>
            <Text fw={600} size="sm">
              {user.name}
            </Text>
            <Text size="xs" c="dimmed">
              {user.email}
            </Text>
            <Text size="xs" c="dimmed">
              {user.roles.map((role) => words('role', role)).join(', ')}
            </Text>
          </Box>
          <Menu.Divider />
          <Menu.Item leftSection={<IconKey size={16} aria-hidden />} onClick={open}>
            {t('signIn.newTitle')}
          </Menu.Item>
          <Menu.Item leftSection={<IconBook size={16} aria-hidden />} component="a" href="/docs" target="_blank">
            {t('shell.docs')}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconLogout size={16} aria-hidden />}
            onClick={() => void signOut()}
            data-testid="sign-out"
          >
            {t('shell.signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={changing} onClose={close} title={t('signIn.newTitle')}>
        <PasswordForm onDone={close} />
      </Modal>
    </>
  )
}
