import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Button, FileInput, Group, List, Modal, Select, Stack, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { useDeed } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

type Looked = AnswerOf<typeof api.budget.importSpend>
const profiles = ['auto', 'google_ads', 'meta', 'tiktok', 'microsoft', 'print', 'broadcast', 'plain'] as const

/** Brings the export of an ad platform or agency into the ledger: look first, then take. */
export function SpendFile(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [file, setFile] = useState<File | null>(null)
  const [profile, setProfile] = useState<(typeof profiles)[number]>('auto')
  const [channel, setChannel] = useState<string | null>(null)
  const [looked, setLooked] = useState<Looked | null>(null)
  const send = useDeed(api.budget.importSpend, { refresh: ['budget'], quiet: true })
  async function give(dryRun: boolean): Promise<void> {
    if (file === null) return
    const answer = await send.run({ body: { profile, channel, text: await file.text(), dryRun } })
    if (answer === undefined) return
    if (dryRun) setLooked(answer)
    else props.onClose()
  }
  return (
    <Modal opened onClose={props.onClose} title={t('spendFile.title')} size="lg">
      <Stack gap="sm">
        <FileInput
          label={t('spendFile.file')}
          accept=".csv,.tsv,.txt,text/csv"
          value={file}
          onChange={(next) => {
            setFile(next)
            setLooked(null)
          }}
        />
        <Group grow>
          <Select
            label={t('spendFile.profile')}
            allowDeselect={false}
            value={profile}
            onChange={(value) => {
              setProfile((value ?? 'auto') as 'auto')
              setLooked(null)
            }}
            data={profiles.map((value) => ({ value, label: t(`spendFile.profile_${value}`) }))}
          />
          <Select
            label={t('spendFile.channel')}
            clearable
            searchable
            value={channel}
            onChange={setChannel}
            data={api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) }))}
          />
        </Group>
        {send.failure === null ? null : (
          <Alert color="red">
            {send.failure.message} {send.failure.doInstead}
          </Alert>
        )}
        {looked === null ? null : (
          <Stack gap={4} data-testid="spend-looked">
            <Text size="sm">
              {t('spendFile.looked', {
                profile: t(`spendFile.profile_${looked.profile}`),
                taken: format.count(looked.taken),
                left: format.count(looked.left),
              })}
            </Text>
            <List size="sm">
              {looked.channels.map((row) => (
                <List.Item key={`${row.channel}${row.currency}`}>
                  {words('media', row.channel)}: {format.money(row.amount, row.currency)}
                </List.Item>
              ))}
            </List>
            {looked.rejected.slice(0, 10).map((row) => (
              <Text key={row.row} size="xs" c="red">
                {t('spendFile.row', { row: row.row })}: {row.reason}
              </Text>
            ))}
          </Stack>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onClose}>
            {t('kit.cancel')}
          </Button>
          {looked === null ? (
            <Button disabled={file === null} loading={send.pending} onClick={() => void give(true)}>
              {t('spendFile.look')}
            </Button>
          ) : (
            <Button disabled={looked.taken === 0} loading={send.pending} onClick={() => void give(false)}>
              {t('spendFile.take')}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  )
}
