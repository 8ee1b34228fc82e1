import { type AnswerOf, api } from '@einklang/contract'
import { Button, ColorInput, Group, Select, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../kit/page.tsx'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Brand = AnswerOf<typeof api.governance.brand>

export function BrandForm(): ReactNode {
  const brand = useAnswer(api.governance.brand)
  return <Fetch of={brand}>{(value) => <Form key={JSON.stringify(value)} brand={value} />}</Fetch>
}

function Form(props: { brand: Brand }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [brand, setBrand] = useState(props.brand)
  const change = useDeed(api.governance.changeBrand, { refresh: ['governance'], done: t('kit.saved') })
  const readOnly = !may(api.governance.changeBrand)
  const changed = JSON.stringify(brand) !== JSON.stringify(props.brand)
  return (
    <Panel title={t('settings.brand')} definition={t('settings.brandMeaning')}>
      <Stack>
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <TextInput
            label={t('settings.brandName')}
            readOnly={readOnly}
            value={brand.name}
            onChange={(event) => setBrand({ ...brand, name: event.currentTarget.value })}
          />
          <ColorInput
            label={t('settings.colour')}
            readOnly={readOnly}
            value={brand.colour}
            onChange={(colour) => setBrand({ ...brand, colour })}
          />
          <TextInput
            label={t('settings.senderName')}
            readOnly={readOnly}
            value={brand.senderName}
            onChange={(event) => setBrand({ ...brand, senderName: event.currentTarget.value })}
          />
          <TextInput
            label={t('settings.senderEmail')}
            readOnly={readOnly}
            value={brand.senderEmail}
            onChange={(event) => setBrand({ ...brand, senderEmail: event.currentTarget.value })}
          />
          <Select
            label={t('person.language')}
            readOnly={readOnly}
            allowDeselect={false}
            value={brand.language}
            onChange={(language) => setBrand({ ...brand, language: language ?? brand.language })}
            data={[...new Set(['de', 'en', brand.language])].map((value) => ({
              value,
              label: words('language', value),
            }))}
          />
          <TextInput
            label={t('settings.shopUrl')}
            description={t('settings.shopUrlMeaning')}
            placeholder="https://shop.example.org"
            type="url"
            readOnly={readOnly}
            value={brand.shopUrl ?? ''}
            onChange={(event) => setBrand({ ...brand, shopUrl: event.currentTarget.value.trim() || null })}
          />
        </SimpleGrid>
        <Textarea
          label={t('settings.imprint')}
          description={t('settings.imprintMeaning')}
          autosize
          minRows={3}
          readOnly={readOnly}
          value={brand.imprint}
          onChange={(event) => setBrand({ ...brand, imprint: event.currentTarget.value })}
        />
        {readOnly ? null : (
          <Group justify="flex-end">
            <Button disabled={!changed} loading={change.pending} onClick={() => void change.run({ body: brand })}>
              {t('kit.save')}
            </Button>
          </Group>
        )}
      </Stack>
    </Panel>
  )
}
