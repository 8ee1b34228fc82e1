import { api } from '@einklang/contract'
import {
  Anchor,
  Box,
  Code,
  Group,
  List,
  NavLink,
  ScrollArea,
  Paper as Sheet,
  SimpleGrid,
  Stack,
  Tabs,
  Text,
  Title,
} from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { Paper } from './paper.tsx'

/** What the catch-all received instead of the world. */
export function Mailbox(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [filters, change] = useFilters()
  const mails = usePages(api.delivery.mailbox, {
    query: { limit: 50, ...(filters.q === undefined ? {} : { q: filters.q }) },
  })
  const first = mails.first
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[{ name: 'q', label: t('mailbox.search'), kind: 'text', width: 300 }]}
        end={
          <Text size="sm" c="dimmed" pb={8}>
            {first === undefined
              ? ''
              : `${t('mailbox.total', { count: first.total, shown: format.count(first.total) })}${first.address === null ? '' : ` · ${first.address}`}`}
          </Text>
        }
      />
      <Fetch
        of={mails}
        loading={<Loading rows={8} height={48} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('mailbox.none')} hint={t('mailbox.noneHint')} /> : null)}
      >
        {(rows) => (
          <SimpleGrid cols={{ base: 1, md: 2 }} style={{ gridTemplateColumns: 'minmax(280px, 2fr) minmax(0, 5fr)' }}>
            <ScrollArea h="calc(100dvh - 290px)" data-testid="mailbox">
              {rows.map((mail) => (
                <NavLink
                  key={mail.id}
                  component="button"
                  active={(filters.mail ?? rows[0]?.id) === mail.id}
                  onClick={() => change({ mail: mail.id })}
                  label={mail.subject}
                  description={
                    <>
                      {mail.to} · <DateTime at={mail.receivedAt} />
                      <br />
                      {mail.snippet}
                    </>
                  }
                  styles={{ description: { overflow: 'hidden', maxHeight: 52 } }}
                />
              ))}
              <LoadMore of={mails} fullWidth />
            </ScrollArea>
            <Mail mail={filters.mail ?? rows[0]?.id ?? ''} />
          </SimpleGrid>
        )}
      </Fetch>
    </Stack>
  )
}

function Mail(props: { mail: string }): ReactNode {
  const { t } = useTranslation()
  const mail = useAnswer(api.delivery.mail, { params: { mail: props.mail } })
  return (
    <Fetch of={mail}>
      {(value) => (
        <Sheet withBorder p="md" radius="md" data-testid="mail">
          <Title order={2} size="h4">
            {value.subject}
          </Title>
          <Text size="sm" c="dimmed">
            {value.from} → {value.to} · <DateTime at={value.receivedAt} />
          </Text>
          <Group gap="md" my="xs">
            {value.message === null ? null : (
              <ScreenLink to="." search={(before) => ({ ...before, message: value.message ?? undefined })}>
                {t('message.why')}
              </ScreenLink>
            )}
            {value.person === null ? null : (
              <ScreenLink to="/profile/$person" params={{ person: value.person }}>
                {t('mailbox.toPerson')}
              </ScreenLink>
            )}
          </Group>
          <Tabs defaultValue="paper" keepMounted={false}>
            <Tabs.List mb="sm">
              <Tabs.Tab value="paper">{t('message.asSent')}</Tabs.Tab>
              <Tabs.Tab value="text">{t('message.asText')}</Tabs.Tab>
              <Tabs.Tab value="links">{t('mailbox.links', { count: value.links.length })}</Tabs.Tab>
              <Tabs.Tab value="headers">{t('mailbox.headers')}</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="paper">
              <Paper url={value.frameUrl} title={value.subject} />
            </Tabs.Panel>
            <Tabs.Panel value="text">
              <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {value.text}
              </Text>
            </Tabs.Panel>
            <Tabs.Panel value="links">
              <List size="sm" spacing="xs">
                {value.links.map((link) => (
                  <List.Item key={`${link.text}${link.url}`}>
                    <Anchor href={link.url} target="_blank" rel="noopener noreferrer" size="sm">
                      {link.text || link.url}
                    </Anchor>
                    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                      {link.url}
                    </Text>
                  </List.Item>
                ))}
              </List>
            </Tabs.Panel>
            <Tabs.Panel value="headers">
              <Box mah={520} style={{ overflow: 'auto' }}>
                <Code block>{value.headers.map((header) => `${header.name}: ${header.value}`).join('\n')}</Code>
              </Box>
            </Tabs.Panel>
          </Tabs>
          {value.attachments.map((file) => (
            <Text key={file.name} size="xs" c="dimmed" mt="xs">
              {file.name} ({file.type})
            </Text>
          ))}
        </Sheet>
      )}
    </Fetch>
  )
}
