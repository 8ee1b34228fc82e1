import { api } from '@einklang/contract'
import { Button, Menu } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Mark = (typeof api.identity.valueMarks)[number]

/** What somebody may say of a value: it is a family's card, everybody's, nobody's, or in use again. */
function possible(row: { class: string; status: string; marked: string | null }): Mark[] {
  if (row.status === 'blocked' || row.marked !== null) return ['released']
  const marks: Mark[] = row.class === 'strong' ? ['household_card'] : row.class === 'device' ? ['store_device'] : []
  return row.status === 'shared' ? [...marks, 'released'] : [...marks, 'shared', 'blocked']
}

/** Takes an identifier out of the graph, or back in; asks for the reason. */
export function MarkValue(props: {
  row: { namespace: string; value: string; class: string; status: string; marked: string | null }
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const { row } = props
  const [asking, setAsking] = useState<Mark>()
  const mark = useDeed(api.identity.markValue, { refresh: ['identity', 'profile'], done: t('identity.marked') })
  if (!may(api.identity.markValue) || row.class === 'transaction') return null
  return (
    <>
      <Menu position="bottom-start">
        <Menu.Target>
          <Button size="compact-xs" variant="subtle" data-testid="mark-value">
            {t('identity.mark')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {possible(row).map((as) => (
            <Menu.Item key={as} onClick={() => setAsking(as)} data-testid={`mark-${as}`}>
              {words('valueMark', as)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asking !== undefined}
        title={`${words('namespace', row.namespace)} ${row.value}`}
        text={asking === undefined ? '' : t(`identity.markText.${asking}`)}
        confirm={asking === undefined ? '' : words('valueMark', asking)}
        reasonLabel={t('kit.reason')}
        least={3}
        pending={mark.pending}
        onClose={() => setAsking(undefined)}
        onConfirm={(reason) => {
          if (asking === undefined) return
          const body = { namespace: row.namespace, value: row.value, as: asking, reason }
          void mark.run({ body }).then((done) => (done === undefined ? undefined : setAsking(undefined)))
        }}
      />
    </>
  )
}
