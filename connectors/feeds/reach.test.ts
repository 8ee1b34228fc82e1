import { expect, test } from 'vitest'
import { createReach } from './reach.ts'

const inside = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'printer.local',
  'db.internal',
  'metadata.google.internal',
  '127.0.0.1',
  '127.1',
  '0177.0.0.1',
  '0x7f.1',
  '0x7f000001',
  '2130706433',
  '127.0.0.1.',
  '１２７.0.0.1',
  '127。0。0。1',
  '0',
  '0.0.0.0',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.9.9',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '255.255.255.255',
  '240.1.1.1',
  '::',
  '::1',
  '[::1]',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '[::ffff:10.0.0.1]',
  '64:ff9b::7f00:1',
  '64:ff9b:1::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  'ff02::1',
  '::127.0.0.1',
  'public.example@127.0.0.1',
  'user:word@10.0.0.1',
  'a b',
  '127.0.0.1/x',
  'x?y',
  'x#y',
  '127.0.0.1\\@x',
  'x%2e',
  '',
  '\t127.0.0.1',
  '127.0.0.1\r\nHost: x',
  'http://10.0.0.1',
  '1.2.3.4:22',
  '[::1]:22',
  'rebind.example',
  'mixed.example',
  'six.example',
  'none.example',
]
const names: { [host: string]: string[] } = {
  'rebind.example': ['127.0.0.1'],
  'mixed.example': ['93.184.216.34', '10.0.0.1'],
  'six.example': ['::ffff:192.168.0.1'],
  'none.example': [],
  'public.example': ['93.184.216.34'],
}

test.each(inside)('a feed never calls %j', async (host) => {
  const reach = createReach({
    allowed: [],
    lookup: async (name) => (names[name] ?? []).map((address) => ({ address })),
  })
  await expect(reach(host, 22)).rejects.toThrow()
})

test('public hosts and hosts that the configuration names are called at the address that was checked', async () => {
  let asked = 0
  const reach = createReach({
    allowed: ['till.lan:2222', '10.0.0.5:5432'],
    lookup: async (name) => {
      asked++
      return name === 'till.lan' ? [{ address: '192.168.7.7' }] : [{ address: '93.184.216.34' }]
    },
  })
  expect(await reach('Public.Example', 22)).toBe('93.184.216.34')
  expect(await reach('till.lan', 2222)).toBe('192.168.7.7')
  expect(await reach('10.0.0.5', 5432)).toBe('10.0.0.5')
  await expect(reach('10.0.0.5', 5433)).rejects.toThrow('feed_port')
  await expect(reach('till.lan', 22)).rejects.toThrow()
  await expect(reach('public.example', 6379)).rejects.toThrow('feed_port')
  expect(asked).toBe(3)
})
