import type { ImportKind, JsonObject } from '@einklang/contract'
import { describe, expect, test } from 'vitest'
import { bytesInMemory } from './archive.ts'
import { cellReader } from './cells.ts'
import { fieldReader } from './fields.ts'
import { type Draft, mapUnit } from './mappers.ts'
import { rowsOf, shapeOf } from './reading.ts'
import { sayImport } from './sayings.ts'

type Meaning = { row: number; says?: string[]; refused?: string }

/** From bytes to what a file means, as an import reads it. */
async function meaning(kind: ImportKind, bytes: Buffer, name = 'export.csv'): Promise<Meaning[]> {
  const file = bytesInMemory(bytes)
  const shape = await shapeOf(name, file, {})
  const read = fieldReader(kind, { fields: {} }, shape.columns)
  const facts = { issuer: 'crm', currency: 'EUR', reader: cellReader({ fields: {} }, 'UTC') }
  const found: Meaning[] = []
  for await (const rows of rowsOf(file, shape)) {
    for (const row of rows) {
      if ('bad' in row) {
        found.push({ row: row.row, refused: sayImport(row.bad, 'en') })
        continue
      }
      const mapped = mapUnit(kind, { rows: [read(row.row, row.cells)] }, facts)
      if ('rejects' in mapped) found.push({ row: row.row, refused: sayImport(mapped.rejects[0]?.reason ?? '', 'en') })
      else found.push({ row: row.row, says: mapped.drafts.map(said) })
    }
  }
  return found
}

/** A draft in one line: kind or name, who, when, what. */
function said(draft: Draft): string {
  const who = draft.identifiers.map((one) => `${one.namespace}=${one.value}`).join(' ')
  const what = JSON.stringify(draft.name === null ? draft.traits : draft.properties)
  const lost = (draft.lost ?? []).map(({ path, given }) => ` lost ${path}=${given}`).join('')
  return `${draft.name ?? draft.kind}${draft.part} [${who}] ${draft.at ?? 'now'} ${what}${lost}`
}

type Case = [trap: string, header: string, row: string, expected: string[] | string]

/** Each case is a file of its own; expected is what it says, or why it is refused. */
function cases(kind: ImportKind, given: Case[]): void {
  test.each(given)('%s', async (_, header, row, expected) => {
    const found = (await meaning(kind, Buffer.from(`${header}\n${row}\n`))).filter((one) => one.row > 1)
    if (typeof expected === 'string') expect(found[0]?.refused).toContain(expected)
    else expect(found[0]?.says ?? found[0]).toEqual(expected)
  })
}

/** The same table in every dress a file can wear says the same. */
function dresses(kind: ImportKind, header: string[], rows: string[][]): void {
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`
  const text = (mark: string, end: string, dress = quoted) =>
    [header, ...rows].map((row) => row.map(dress).join(mark)).join(end)
  const plain = text(',', '\n')
  const upper = [header.map((name) => name.toUpperCase()), ...rows].map((row) => row.map(quoted).join(',')).join('\n')
  const all: [string, Buffer][] = [
    ['byte-order mark', Buffer.from(`\ufeff${plain}`)],
    ['UTF-16LE', Buffer.from(`\ufeff${plain}`, 'utf16le')],
    ['UTF-16BE', Buffer.from(`\ufeff${plain}`, 'utf16le').swap16()],
    ['Windows-1252', Buffer.from(plain, 'latin1')],
    ['semicolons', Buffer.from(text(';', '\n'))],
    ['tabs', Buffer.from(text('\t', '\n'))],
    ['bars', Buffer.from(text('|', '\n'))],
    ['CRLF', Buffer.from(text(',', '\r\n'))],
    ['CR', Buffer.from(text(',', '\r'))],
    ['a separator line', Buffer.from(`sep=;\n${text(';', '\n')}`)],
    ['blank lines at the end', Buffer.from(`${plain}\n\n\n`)],
    ['headers in capitals', Buffer.from(upper)],
  ]
  test.each(all)('%s changes nothing', async (dress, bytes) => {
    const expected = await meaning(kind, Buffer.from(plain))
    const found = await meaning(kind, bytes)
    const shift = dress === 'a separator line' ? 1 : 0
    expect(found.map((one) => ({ ...one, row: one.row - shift }))).toEqual(expected)
    expect(expected.every((one) => one.says !== undefined)).toBe(true)
  })
}

const id = (who: string, traits: JsonObject, at = 'now') => `identify [${who}] ${at} ${JSON.stringify(traits)}`
const answer = (channel: string, who: string, stance: string, at = 'now') =>
  `identify:consent-${channel} [${who}] ${at} ${JSON.stringify({ [`consent_${channel}`]: stance, ...(at === 'now' ? {} : { consent_at: at }) })}`
const left = (who: string, topic: string) =>
  `Unsubscribed:topic-email-${topic} [${who}] now ${JSON.stringify({ channel: 'email', topic })}`

describe('Braze attributes', () => {
  const who = 'customer_no.crm=4711'
  cases('braze-attributes', [
    ['external_id alone', 'external_id,first_name', '4711,Ada', [id(who, { first_name: 'Ada' })]],
    ['a leading zero is no number', 'external_id', '0047', [id('customer_no.crm=0047', {})]],
    ['Appboy ID of exports', 'Appboy ID,first_name', 'abc,Ada', [id('customer_no.braze=abc', { first_name: 'Ada' })]],
    ['braze_id', 'braze_id', 'abc', [id('customer_no.braze=abc', {})]],
    [
      'an alias with its label',
      'user_alias_name,user_alias_label',
      'a1,Old CRM',
      [id('customer_no.braze_alias_old_crm=a1', {})],
    ],
    ['an alias without a label', 'user_alias_name,first_name', 'a1,Ada', 'belong together'],
    ['e-mail alone', 'email', 'a@x.de', [id('email=a@x.de', { email: 'a@x.de' })]],
    ['phone alone', 'phone', '+4915112345678', [id('phone=+4915112345678', { phone: '+4915112345678' })]],
    ['nobody', 'external_id,first_name', ',Ada', 'names nobody'],
    ['white space is nobody', 'external_id,first_name', '  ,Ada', 'names nobody'],
    ['opted_in is a claim', 'external_id,email_subscribe', '4711,opted_in', [id(who, {}), answer('email', who, 'yes')]],
    ['subscribed says nothing', 'external_id,email_subscribe', '4711,subscribed', [id(who, {})]],
    [
      'unsubscribed is a no at once',
      'external_id,email_subscribe',
      '4711,unsubscribed',
      [id(who, {}), answer('email', who, 'no')],
    ],
    ['in any spelling', 'external_id,email_subscribe', '4711,Unsubscribed', [id(who, {}), answer('email', who, 'no')]],
    ['push likewise', 'external_id,push_subscribe', '4711,unsubscribed', [id(who, {}), answer('push', who, 'no')]],
    ['blank says nothing', 'external_id,email_subscribe,first_name', '4711,,', [id(who, {})]],
    [
      'leaving a group',
      'external_id,subscription_group_id,subscription_state',
      '4711,g1,unsubscribed',
      [id(who, {}), left(who, 'braze:g1')],
    ],
    ['staying in a group', 'external_id,subscription_group_id,subscription_state', '4711,g1,subscribed', [id(who, {})]],
    [
      'home_city and dob',
      'external_id,home_city,dob',
      '4711,Köln,1980-02-01',
      [id(who, { birthday: '1980-02-01', city: 'Köln' })],
    ],
    [
      'a wrong dob is for the check to find',
      'external_id,dob',
      '4711,1980-02-31',
      [id(who, { birthday: '1980-02-31' })],
    ],
    [
      'an answer nobody knows is told',
      'external_id,email_subscribe,push_subscribe',
      '4711,perhaps,Opted In',
      [
        `${id(who, {})} lost traits.email_subscribe=perhaps`,
        `identify:consent-push [${who}] now {"consent_push":"yes"}`,
      ],
    ],
    [
      'custom booleans and numbers',
      'external_id,vip,score,plz',
      '4711,true,12.5,01067',
      [id(who, { vip: true, score: 12.5, plz: '01067' })],
    ],
    [
      'too many digits stay text',
      'external_id,long',
      '4711,12345678901234567890',
      [id(who, { long: '12345678901234567890' })],
    ],
    ['formulas stay data', 'external_id,note', '4711,=1+1', [id(who, { note: '=1+1' })]],
    ['at and minus stay data', 'external_id,note,other', '4711,@a,-x', [id(who, { note: '@a', other: '-x' })]],
    ['line breaks in cells', 'external_id,note', '4711,"a\nb"', [id(who, { note: 'a\nb' })]],
    ['quotes in quotes', 'external_id,note', '4711,"say ""hi"""', [id(who, { note: 'say "hi"' })]],
    ['a bare quote', 'external_id,note', '4711,5" heel', [id(who, { note: '5" heel' })]],
    ['a ragged row', 'external_id,first_name', '4711', 'has 1 cells'],
    ['too many cells', 'external_id,first_name', '4711,Ada,x', 'has 3 cells'],
    ['NUL is taken out', 'external_id,first_name', '4711,A\0da', [id(who, { first_name: 'Ada' })]],
    [
      '__proto__ is a name like any other',
      'external_id,__proto__',
      '4711,x',
      [`identify [${who}] now {"__proto__":"x"}`],
    ],
    [
      'a column twice: the first',
      'external_id,first_name,first_name',
      '4711,Ada,Eva',
      [id(who, { first_name: 'Ada' })],
    ],
  ])
  dresses(
    'braze-attributes',
    ['external_id', 'first_name', 'home_city', 'email_subscribe'],
    [
      ['1', 'Jörg', 'Köln', 'unsubscribed'],
      ['2', 'a;b,c|d', 'x\ty', 'opted_in'],
    ],
  )
})

describe('Braze events', () => {
  const who = 'customer_no.crm=4711'
  const time = '2026-01-02T03:04:05.000Z'
  cases('braze-events', [
    [
      'properties of its own event',
      'external_id,name,time,rated.properties.stars,other.properties.x',
      '4711,rated,2026-01-02T03:04:05Z,5,9',
      [`rated [${who}] ${time} {"stars":5}`],
    ],
    [
      'names keep their case',
      'external_id,name,time,Rated.properties.Stars',
      '4711,Rated,2026-01-02T03:04:05Z,5',
      [`Rated [${who}] ${time} {"Stars":5}`],
    ],
    [
      'a name with dots',
      'external_id,name,time,a.b.properties.c.d',
      '4711,a.b,2026-01-02T03:04:05Z,x',
      [`a.b [${who}] ${time} {"c.d":"x"}`],
    ],
    [
      'blank properties are left out',
      'external_id,name,time,rated.properties.stars',
      '4711,rated,2026-01-02T03:04:05Z,',
      [`rated [${who}] ${time} {}`],
    ],
    ['an offset', 'external_id,name,time', '4711,rated,2026-01-02T05:04:05+02:00', [`rated [${who}] ${time} {}`]],
    ['epoch seconds', 'external_id,name,time', '4711,rated,1767323045', [`rated [${who}] ${time} {}`]],
    ['no name', 'external_id,name,time', '4711,,2026-01-02T03:04:05Z', 'name is missing'],
    ['no time', 'external_id,name,time', '4711,rated,', 'time is missing'],
    ['no instant', 'external_id,name,time', '4711,rated,31.02.2026', 'is no date'],
    ['nobody', 'external_id,name,time', ',rated,2026-01-02T03:04:05Z', 'names nobody'],
  ])
  dresses(
    'braze-events',
    ['external_id', 'name', 'time', 'rated.properties.GRÖSSE'],
    [
      ['1', 'rated', '2026-01-02T03:04:05Z', 'Köln'],
      ['2', 'rated', '2026-01-02', 'a;b'],
    ],
  )
})

describe('Braze JSON', () => {
  const from = async (document: unknown) =>
    (await meaning('braze-json', Buffer.from(JSON.stringify(document)), 'users.json')).map(
      (one) => one.says ?? one.refused,
    )
  const who = 'customer_no.crm=4711'
  const time = '2026-01-02T03:04:05.000Z'
  test('attributes, events and purchases, any number, in the order of the document', async () => {
    const found = await from({
      attributes: [
        { external_id: '4711', first_name: 'Ada', email_subscribe: 'unsubscribed', vip: true, tags: ['a'], $add: 1 },
        { user_alias: { alias_name: 'x', alias_label: 'web' }, push_tokens: [{ app_id: 'a', token: 'tok' }] },
        { user_alias: { alias_name: 'x' } },
        {
          external_id: 4711,
          subscription_groups: [{ subscription_group_id: 'g', subscription_state: 'unsubscribed' }],
        },
        { first_name: 'Nobody' },
        'no object',
      ],
      ignored: { attributes: [{ external_id: 'inner' }] },
      events: [
        { external_id: '4711', name: 'rated', time: '2026-01-02T03:04:05Z', properties: { stars: 5 } },
        { external_id: '4711', time: '2026-01-02T03:04:05Z' },
        { external_id: '4711', name: 'rated' },
      ],
      purchases: [
        { external_id: '4711', product_id: 'A', currency: 'eur', price: 9.9, time: '2026-01-02T03:04:05Z' },
        { external_id: '4711', currency: 'EUR', price: 9.9, time: '2026-01-02T03:04:05Z' },
      ],
      others: [{ external_id: '1' }],
    })
    expect(found).toEqual([
      [id(who, { first_name: 'Ada', vip: true, tags: ['a'], $add: 1 }), answer('email', who, 'no')],
      [id('customer_no.braze_alias_web=x push_token=tok', {})],
      'user_alias_name and user_alias_label belong together',
      [id(who, {}), left(who, 'braze:g')],
      'names nobody: one of external_id, braze_id, user_alias_name + user_alias_label, email, phone is needed',
      [`rated [${who}] ${time} {"stars":5}`],
      'name is missing',
      'time is missing',
      [`Product Purchased [${who}] ${time} {"product_id":"A","price":9.9,"quantity":1,"currency":"EUR"}`],
      'product_id is missing',
      'section “others” is not one of attributes, events, purchases',
    ])
  })
  test('pretty-printed, with __proto__, cut off and with more than 75 objects', async () => {
    const many = { attributes: Array.from({ length: 500 }, (_, at) => ({ external_id: `k${at}` })) }
    expect(await from(many)).toHaveLength(500)
    const text = JSON.stringify(many, null, 2)
    expect(await meaning('braze-json', Buffer.from(text), 'x.json')).toHaveLength(500)
    const cut = await meaning('braze-json', Buffer.from(text.slice(0, -40)), 'x.json')
    expect(cut.at(-1)?.refused).toContain('cut off')
    const hostile = '{"attributes":[{"external_id":"4711","__proto__":{"admin":true},"constructor":"x"}]}'
    const [only] = await meaning('braze-json', Buffer.from(hostile), 'x.json')
    expect(only?.says?.[0]).toContain('"__proto__":{"admin":true}')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})

describe('Customer.io', () => {
  const who = 'customer_no.crm=7'
  cases('customerio', [
    ['id', 'id,first_name', '7,Ada', [id(who, { first_name: 'Ada' })]],
    ['e-mail alone', 'email', 'a@x.de', [id('email=a@x.de', { email: 'a@x.de' })]],
    ['both', 'id,email', '7,a@x.de', [id(`${who} email=a@x.de`, { email: 'a@x.de' })]],
    ['cio_id', 'cio_id', 'f0', [id('customer_no.customerio=f0', {})]],
    ['nobody', 'first_name,id', 'Ada,', 'names nobody'],
    ['unsubscribed true', 'id,unsubscribed', '7,true', [id(who, {}), answer('email', who, 'no')]],
    ['unsubscribed 1', 'id,unsubscribed', '7,1', [id(who, {}), answer('email', who, 'no')]],
    ['unsubscribed false is no consent', 'id,unsubscribed', '7,false', [id(who, {})]],
    ['unsubscribed blank', 'id,unsubscribed', '7,', [id(who, {})]],
    [
      'a topic refused',
      'id,cio_subscription_preferences',
      '7,"{""topics"":{""topic_1"":false,""topic_2"":true}}"',
      [id(who, {}), left(who, 'customerio:topic_1')],
    ],
    ['preferences that are no JSON', 'id,cio_subscription_preferences', '7,{topics', 'no JSON'],
    ['preferences without topics', 'id,cio_subscription_preferences', '7,{}', [id(who, {})]],
    [
      'created_at in epoch seconds',
      'id,created_at',
      '7,1767323045',
      [id(who, { created_at: '2026-01-02T03:04:05.000Z' }, '2026-01-02T03:04:05.000Z')],
    ],
    ['created_at that is none', 'id,created_at', '7,gestern', 'is no date'],
    ['custom attributes keep their case', 'id,Lieblingsfarbe', '7,Rot', [id(who, { Lieblingsfarbe: 'Rot' })]],
    ['formulas stay data', 'id,x', '7,+49', [id(who, { x: '+49' })]],
    ['a line break', 'id,x', '7,"a\r\nb"', [id(who, { x: 'a\r\nb' })]],
    ['a ragged row', 'id,x', '7', 'has 1 cells'],
    ['an address longer than 1,000 characters', 'email', `${'a'.repeat(1000)}@x.de`, 'longer than 1,000'],
  ])
  dresses(
    'customerio',
    ['id', 'first_name', 'unsubscribed'],
    [
      ['1', 'Jörg', 'true'],
      ['2', 'a;b,c|d', 'false'],
    ],
  )
})

describe('Klaviyo', () => {
  const who = 'email=a@x.de'
  const mail = { email: 'a@x.de' }
  const at = '2024-05-06T07:08:09.000Z'
  cases('klaviyo', [
    ['e-mail', 'Email,First Name', 'a@x.de,Ada', [id(who, { ...mail, first_name: 'Ada' })]],
    ['phone alone', 'Phone Number', '+49151', [id('phone=+49151', { phone: '+49151' })]],
    ['nobody', 'Email,First Name', ',Ada', 'names nobody'],
    ['Klaviyo ID', 'Klaviyo ID,Email', '01H,a@x.de', [id(`customer_no.klaviyo=01H ${who}`, mail)]],
    [
      'SUBSCRIBED is a claim',
      'Email,Email Marketing Consent',
      'a@x.de,SUBSCRIBED',
      [id(who, mail), answer('email', who, 'yes')],
    ],
    [
      'with its time it stays a claim',
      'Email,Email Marketing Consent,Email Marketing Consent Timestamp',
      'a@x.de,SUBSCRIBED,2024-05-06 07:08:09',
      [id(who, mail), answer('email', who, 'yes', at)],
    ],
    [
      'UNSUBSCRIBED',
      'Email,Email Marketing Consent',
      'a@x.de,UNSUBSCRIBED',
      [id(who, mail), answer('email', who, 'no')],
    ],
    [
      'UNSUBSCRIBED with time',
      'Email,Email Marketing Consent,Email Marketing Consent Timestamp',
      'a@x.de,UNSUBSCRIBED,2024-05-06 07:08:09',
      [id(who, mail), answer('email', who, 'no', at)],
    ],
    ['NEVER_SUBSCRIBED says nothing', 'Email,Email Marketing Consent', 'a@x.de,NEVER_SUBSCRIBED', [id(who, mail)]],
    ['and with a blank', 'Email,Email Marketing Consent', 'a@x.de,Never Subscribed', [id(who, mail)]],
    ['blank consent', 'Email,Email Marketing Consent', 'a@x.de,', [id(who, mail)]],
    ['SMS apart', 'Email,SMS Marketing Consent', 'a@x.de,UNSUBSCRIBED', [id(who, mail), answer('sms', who, 'no')]],
    [
      'a time that is none',
      'Email,Email Marketing Consent,Email Marketing Consent Timestamp',
      'a@x.de,SUBSCRIBED,soon',
      'is no date',
    ],
    [
      'suppressed by will',
      'Email,Suppression Reason',
      'a@x.de,USER_SUPPRESSED',
      [`Unsubscribed [${who}] now {"channel":"email","reason":"USER_SUPPRESSED"}`],
    ],
    [
      'suppressed by bounce',
      'Email,Suppression Reason,Suppression Date',
      'a@x.de,HARD_BOUNCE,2024-05-06 07:08:09',
      [`Email Bounced [${who}] ${at} {"channel":"email","reason":"HARD_BOUNCE"}`],
    ],
    [
      'suppressed for spam',
      'Email,Suppression Reason',
      'a@x.de,SPAM_COMPLAINT',
      [`Email Marked as Spam [${who}] now {"channel":"email","reason":"SPAM_COMPLAINT"}`],
    ],
    [
      'address and zip',
      'Email,Zip Code,City',
      'a@x.de,01067,Dresden',
      [id(who, { ...mail, postal_code: '01067', city: 'Dresden' })],
    ],
    ['custom properties', 'Email,Shoe Size', 'a@x.de,42', [id(who, { ...mail, 'Shoe Size': 42 })]],
    [
      'profile times',
      'Email,Profile Created On',
      'a@x.de,2024-05-06 07:08:09',
      [id(who, { ...mail, created_at: at }, at)],
    ],
    ['a ragged row', 'Email,First Name', 'a@x.de', 'has 1 cells'],
  ])
  dresses(
    'klaviyo',
    ['Email', 'First Name', 'Email Marketing Consent'],
    [
      ['a@x.de', 'Jörg', 'SUBSCRIBED'],
      ['b@x.de', 'a;b,c|d', 'UNSUBSCRIBED'],
    ],
  )
  test('JSON:API profiles', async () => {
    const document = {
      data: [
        {
          type: 'profile',
          id: '01H',
          attributes: {
            email: 'a@x.de',
            location: { city: 'Köln', zip: '50667' },
            properties: { size: 42 },
            updated: '2024-05-06T07:08:09+00:00',
            subscriptions: {
              email: {
                marketing: {
                  consent: 'SUBSCRIBED',
                  consent_timestamp: '2024-05-06T07:08:09Z',
                  suppression: [{ reason: 'HARD_BOUNCE', timestamp: '2024-05-06T07:08:09Z' }],
                },
              },
              sms: { marketing: { consent: 'UNSUBSCRIBED' } },
            },
          },
        },
        { type: 'list', id: 'x' },
        { type: 'profile', id: '', attributes: {} },
      ],
      links: { next: null },
    }
    const found = await meaning('klaviyo', Buffer.from(JSON.stringify(document)), 'profiles.json')
    const person = 'customer_no.klaviyo=01H email=a@x.de'
    expect(found.map((one) => one.says ?? one.refused)).toEqual([
      [
        id(person, { ...mail, postal_code: '50667', city: 'Köln', size: 42 }, at),
        answer('email', person, 'yes', at),
        answer('sms', person, 'no'),
        `Email Bounced:suppression-0 [${person}] ${at} {"channel":"email","reason":"HARD_BOUNCE"}`,
      ],
      'type “list” is not one of profile',
      'names nobody: one of email, phone_number is needed',
    ])
  })
})

describe('Mautic', () => {
  const who = 'email=a@x.de'
  const mail = { email: 'a@x.de' }
  const no = answer('email', who, 'no')
  cases('mautic', [
    [
      'e-mail',
      'email,firstname,lastname',
      'a@x.de,Ada,Lange',
      [id(who, { ...mail, first_name: 'Ada', last_name: 'Lange' })],
    ],
    ['its own number', 'id,email', '3,a@x.de', [id(`customer_no.mautic=3 ${who}`, mail)]],
    ['nobody', 'email,firstname', ',Ada', 'names nobody'],
    ...(['true', '1', 'on', 'yes', 'YES'] as const).map(
      (word): Case => [`doNotEmail ${word}`, 'email,doNotEmail', `a@x.de,${word}`, [id(who, mail), no]],
    ),
    ...(['false', '0', 'off', 'no', ''] as const).map(
      (word): Case => [`doNotEmail “${word}” says nothing`, 'email,doNotEmail', `a@x.de,${word}`, [id(who, mail)]],
    ),
    ['tags', 'email,tags', 'a@x.de,a|b| c ', [id(who, { ...mail, tags: ['a', 'b', 'c'] })]],
    ['one tag', 'email,tags', 'a@x.de,a', [id(who, { ...mail, tags: ['a'] })]],
    [
      'dates are UTC',
      'email,date_added',
      'a@x.de,2024-05-06 07:08:09',
      [id(who, { ...mail, created_at: '2024-05-06T07:08:09.000Z' }, '2024-05-06T07:08:09.000Z')],
    ],
    ['a date that is none', 'email,date_added', 'a@x.de,0000-00-00 00:00:00', 'is no date'],
    [
      'mobile before phone',
      'email,phone,mobile',
      'a@x.de,0221,0151',
      [id(`${who} phone=0151`, { ...mail, phone: '0151' })],
    ],
    ['zipcode', 'email,zipcode', 'a@x.de,01067', [id(who, { ...mail, postal_code: '01067' })]],
    ['custom fields', 'email,shoe_size', 'a@x.de,42', [id(who, { ...mail, shoe_size: 42 })]],
    ['formulas stay data', 'email,x', 'a@x.de,-1+1', [id(who, { ...mail, x: '-1+1' })]],
    ['a ragged row', 'email,firstname', 'a@x.de', 'has 1 cells'],
  ])
  dresses(
    'mautic',
    ['email', 'firstname', 'doNotEmail', 'tags'],
    [
      ['a@x.de', 'Jörg', 'yes', 'a|b'],
      ['b@x.de', 'a;b,c', 'no', 'Köln'],
    ],
  )
})

describe('listmonk', () => {
  const who = 'email=a@x.de'
  const mail = { email: 'a@x.de' }
  const no = answer('email', who, 'no')
  cases('listmonk', [
    ['e-mail and name', 'email,name', 'a@x.de,Ada Lange', [id(who, { ...mail, name: 'Ada Lange' })]],
    ['uuid', 'uuid,email', 'u1,a@x.de', [id(`${who} customer_no.listmonk=u1`, mail)]],
    ['enabled says nothing', 'email,status', 'a@x.de,enabled', [id(who, mail)]],
    ['disabled is a no', 'email,status', 'a@x.de,disabled', [id(who, mail), no]],
    ['blocklisted is a no', 'email,status', 'a@x.de,blocklisted', [id(who, mail), no]],
    ['in capitals', 'email,status', 'a@x.de,Blocklisted', [id(who, mail), no]],
    ['another status is asked about', 'email,status', 'a@x.de,gone', 'is not one of enabled'],
    ['no status', 'email,status', 'a@x.de,', [id(who, mail)]],
    [
      'attributes',
      'email,attributes',
      'a@x.de,"{""city"":""Köln"",""n"":1}"',
      [id(who, { ...mail, city: 'Köln', n: 1 })],
    ],
    ['attributes that are no JSON', 'email,attributes', 'a@x.de,{city', 'no JSON'],
    ['attributes that are a list', 'email,attributes', 'a@x.de,"[1]"', [`${id(who, mail)} lost traits.attributes=[1]`]],
    ['blank attributes', 'email,attributes', 'a@x.de,', [id(who, mail)]],
    ['no e-mail', 'email,name', ',Ada', 'names nobody'],
    ['a uuid without an e-mail', 'uuid,email', 'u1,', 'email is missing'],
    ['longer than 1,000 characters', 'email', `${'a'.repeat(1000)}@x.de`, 'longer than 1,000'],
    [
      'times with microseconds and zone',
      'email,created_at',
      'a@x.de,2024-05-06 07:08:09.123456+00',
      [id(who, { ...mail, created_at: '2024-05-06T07:08:09.123Z' }, '2024-05-06T07:08:09.123Z')],
    ],
    [
      'updated after created',
      'email,created_at,updated_at',
      'a@x.de,2024-05-06T07:08:09Z,2024-06-06T07:08:09Z',
      [id(who, { ...mail, created_at: '2024-05-06T07:08:09.000Z' }, '2024-06-06T07:08:09.000Z')],
    ],
    ['a name with a comma', 'email,name', 'a@x.de,"Lange, Ada"', [id(who, { ...mail, name: 'Lange, Ada' })]],
    ['a ragged row', 'email,name', 'a@x.de', 'has 1 cells'],
  ])
  dresses(
    'listmonk',
    ['email', 'name', 'status'],
    [
      ['a@x.de', 'Jörg', 'blocklisted'],
      ['b@x.de', 'a;b,c|d', 'enabled'],
    ],
  )
})
