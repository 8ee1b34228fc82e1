import { api } from '@einklang/contract'
import { Table } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

export function Roles(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const roles = useAnswer(api.governance.roles)
  return (
    <Fetch of={roles}>
      {(value) => (
        <Table verticalSpacing="sm" aria-label={t('settings.roles')} data-testid="roles">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('settings.role')}</Table.Th>
              <Table.Th>{t('settings.may')}</Table.Th>
              <Table.Th>{t('settings.mayNot')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {value.items.map((item) => (
              <Table.Tr key={item.role}>
                <Table.Th scope="row">{words('role', item.role)}</Table.Th>
                <Table.Td>{item.may}</Table.Td>
                <Table.Td>{item.mayNot}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Fetch>
  )
}
