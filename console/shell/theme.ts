import { Combobox, createTheme, type MantineColorsTuple } from '@mantine/core'

const lagoon: MantineColorsTuple = [
  '#e6f7f6',
  '#d3ebea',
  '#a8d6d4',
  '#79c0bd',
  '#53aeaa',
  '#3ba29e',
  '#2b9c98',
  '#178784',
  '#0b6e6e',
  '#045857',
]

/** White on shade 8 has a contrast of 5.9 : 1, shade 4 on dark 7 of 6.4 : 1. */
export const theme = createTheme({
  primaryColor: 'lagoon',
  primaryShade: { light: 8, dark: 8 },
  colors: { lagoon },
  defaultRadius: 'md',
  autoContrast: true,
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontWeight: '650' },
  // Options are made when a list opens, not with every closed one.
  components: { Combobox: Combobox.extend({ defaultProps: { keepMounted: false } }) },
})
