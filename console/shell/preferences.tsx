import { ActionIcon, type MantineColorScheme, Menu, SegmentedControl, useMantineColorScheme } from '@mantine/core'
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { type Language, speak } from './language.ts'

const schemes: { value: MantineColorScheme; icon: ReactNode }[] = [
  { value: 'light', icon: <IconSun size={16} stroke={1.7} aria-hidden /> },
  { value: 'dark', icon: <IconMoon size={16} stroke={1.7} aria-hidden /> },
  { value: 'auto', icon: <IconDeviceDesktop size={16} stroke={1.7} aria-hidden /> },
]

export function SchemeChoice(): ReactNode {
  const { t } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const now = schemes.find((scheme) => scheme.value === colorScheme)
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="default" size="lg" aria-label={t('shell.scheme')} data-testid="scheme">
          {now?.icon}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {schemes.map((scheme) => (
          <Menu.Item key={scheme.value} leftSection={scheme.icon} onClick={() => setColorScheme(scheme.value)}>
            {t(`shell.scheme_${scheme.value}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

export function LanguageChoice(): ReactNode {
  const { t, i18n } = useTranslation()
  return (
    <SegmentedControl
      size="xs"
      aria-label={t('shell.language')}
      data-testid="language"
      value={i18n.language}
      onChange={(value) => void speak(value as Language)}
      data={[
        { value: 'en', label: 'English' },
        { value: 'de', label: 'Deutsch' },
      ]}
    />
  )
}
