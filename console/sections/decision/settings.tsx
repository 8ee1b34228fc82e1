import { api, type Purpose, purposes } from '@einklang/contract'
import { NumberInput, Select, SimpleGrid, TagsInput, Textarea, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../kit/page.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

export type Settings = {
  name: string
  description: string
  purpose: Purpose
  holdout: number
  goals: string[]
  againAfterHours: number
  priority: number
}

export function JourneySettings(props: {
  settings: Settings
  writable: boolean
  onChange: (settings: Settings) => void
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const vocabulary = useAnswer(api.audience.vocabulary)
  const { settings, onChange } = props
  const readOnly = !props.writable
  return (
    <Panel title={t('journey.settings')}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <TextInput
          label={t('journey.name')}
          readOnly={readOnly}
          value={settings.name}
          onChange={(event) => onChange({ ...settings, name: event.currentTarget.value })}
        />
        <Select
          label={t('consent.purpose')}
          readOnly={readOnly}
          allowDeselect={false}
          value={settings.purpose}
          onChange={(purpose) => onChange({ ...settings, purpose: (purpose ?? settings.purpose) as Purpose })}
          data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
        />
        <Textarea
          label={t('audience.description')}
          readOnly={readOnly}
          autosize
          minRows={2}
          value={settings.description}
          onChange={(event) => onChange({ ...settings, description: event.currentTarget.value })}
        />
        <TagsInput
          label={t('journey.goals')}
          description={t('journey.goalsMeaning')}
          readOnly={readOnly}
          value={settings.goals}
          onChange={(goals) => onChange({ ...settings, goals })}
          data={(vocabulary.data?.events ?? []).map((event) => event.name)}
        />
        <NumberInput
          label={t('journey.holdout')}
          description={t('journey.holdoutMeaning')}
          readOnly={readOnly}
          min={0}
          max={50}
          suffix=" %"
          value={Math.round(settings.holdout * 1000) / 10}
          onChange={(value) => onChange({ ...settings, holdout: Math.min(0.5, Math.max(0, Number(value) / 100)) })}
          data-testid="holdout"
        />
        <NumberInput
          label={t('journey.again')}
          description={t('journey.againMeaning')}
          readOnly={readOnly}
          min={0}
          max={8760}
          value={settings.againAfterHours}
          onChange={(value) => onChange({ ...settings, againAfterHours: Math.round(Number(value)) })}
        />
        <NumberInput
          label={t('journey.priority')}
          description={t('journey.priorityMeaning')}
          readOnly={readOnly}
          min={0}
          max={100}
          value={settings.priority}
          onChange={(value) => onChange({ ...settings, priority: Math.round(Number(value)) })}
        />
      </SimpleGrid>
    </Panel>
  )
}
