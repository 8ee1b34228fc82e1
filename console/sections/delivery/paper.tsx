import { Group, SegmentedControl, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

/** A mail as its reader sees it: a page without scripts and without our origin. */
export function Paper(props: { url: string | null; title: string; height?: number }): ReactNode {
  const { t } = useTranslation()
  const [width, setWidth] = useState('wide')
  if (props.url === null) {
    return (
      <Text size="sm" c="dimmed">
        {t('message.noPaper')}
      </Text>
    )
  }
  return (
    <>
      <Group justify="flex-end" mb="xs">
        <SegmentedControl
          size="xs"
          value={width}
          onChange={setWidth}
          aria-label={t('message.width')}
          data={[
            { value: 'wide', label: t('message.wide') },
            { value: 'phone', label: t('message.phone') },
          ]}
        />
      </Group>
      <iframe
        className="paper"
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        src={props.url}
        title={props.title}
        data-testid="paper"
        style={{
          height: props.height ?? 560,
          ...(width === 'phone' ? { width: 390, display: 'block', margin: '0 auto' } : {}),
        }}
      />
    </>
  )
}
