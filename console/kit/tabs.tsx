import { Tabs } from '@mantine/core'
import type { ReactNode } from 'react'

export type Tab = { value: string; label: ReactNode; panel: () => ReactNode }

/** Tabs of a screen; only the open one is built. The screen keeps the choice in its address. */
export function ScreenTabs(props: {
  tabs: Tab[]
  value: string | undefined
  onChange: (value: string | undefined) => void
}): ReactNode {
  const first = props.tabs[0]
  if (first === undefined) return null
  const open = props.tabs.find((tab) => tab.value === props.value) ?? first
  return (
    <Tabs
      value={open.value}
      onChange={(value) => props.onChange(value === null || value === first.value ? undefined : value)}
      keepMounted={false}
      activateTabWithKeyboard={false}
    >
      <Tabs.List mb="md">
        {props.tabs.map((tab) => (
          <Tabs.Tab key={tab.value} value={tab.value} data-testid={`tab-${tab.value}`}>
            {tab.label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={open.value}>{open.panel()}</Tabs.Panel>
    </Tabs>
  )
}
