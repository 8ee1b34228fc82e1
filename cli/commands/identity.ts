import { type AnswerOf, api } from '@einklang/contract'
import { type Command, dataFlags, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { table } from '../table.ts'
import { personOf } from './customers.ts'

const flags = { ...dataFlags, ...reachFlags }
const reasonFlag = { reason: { value: 'TEXT', text: 'why, for the log' } }
const who = 'PERSON (its id, or words that find exactly one)'

type Effect = AnswerOf<typeof api.identity.whatif>

function afterwards(effect: Effect): string {
  const rows = effect.people.map((person, index) => [
    person.exists ? person.person : 'a person of their own',
    String(person.orders ?? ''),
    String(person.events ?? ''),
    person.identifiers.map((one) => `${one.moves && index > 0 ? '→' : ''}${one.namespace}:${one.value}`).join('  '),
  ])
  return table(['PERSON', 'ORDERS', 'EVENTS', 'IDENTIFIERS'], rows)
}

/** `email:ada@example.com` → namespace and value; values may hold colons. */
function keyOf(text: string): { namespace: string; value: string } {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1)
    throw new Misuse(`"${text}" is no identifier.`, 'write it as NAMESPACE:VALUE, for example email:ada@example.com')
  return { namespace: text.slice(0, colon), value: text.slice(colon + 1) }
}

export const identityWhy: Command = {
  name: 'identity why',
  summary: 'Why identifiers are one person, step by step; with --with, what joins two people or keeps them apart',
  operands: { text: who, least: 1, most: 20 },
  flags: { with: { value: 'PERSON', text: 'id of another person' }, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const person = await personOf(client, call.operands)
      const other = call.flag('with')
      const why = await client.call(api.identity.why, {
        params: { person },
        query: other === undefined ? {} : { with: await personOf(client, [other]) },
      })
      const asked = await client.call(api.identity.person, { params: { person } })
      call.show(
        why.other === null ? `Person ${why.person}` : why.same ? 'The two are one person.' : 'The two are two people.',
      )
      if (asked.probable.length > 0)
        call.show(`  Only a run of matching joined ${asked.probable.join(', ')}; confirm with identity merge, or undo.`)
      for (const step of why.steps) call.show(`  ${step.sentence}`)
      for (const { kind, one, other: second, actor, reason } of why.decisions)
        call.show(`  ${actor} said ${kind}: ${one.value}, ${second.value} (${reason})`)
      for (const refusal of why.refusals)
        call.show(`  Not joined by ${refusal.via.namespace}:${refusal.via.value}: ${refusal.sentence}`)
      return why
    }),
}

export const identityWhatif: Command = {
  name: 'identity whatif',
  summary: 'Who would be who if one identifier were removed; changes nothing',
  operands: { text: 'PERSON NAMESPACE:VALUE', least: 2, most: 2 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const [person = '', identifier = ''] = call.operands
      const effect = await client.call(api.identity.whatif, {
        params: { person: await personOf(client, [person]) },
        query: keyOf(identifier),
      })
      call.show(effect.changes ? afterwards(effect) : 'Nothing would change: the others hold together without it.')
      return effect
    }),
}

export const identityLog: Command = {
  name: 'identity log',
  summary: 'Joins, separations and decisions of a person, with the ids that undo needs',
  operands: { text: who, least: 1, most: 20 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const found = await client.call(api.identity.log, { params: { person: await personOf(client, call.operands) } })
      const rows = found.items.map((row) => [
        row.id,
        row.at.slice(0, 16).replace('T', ' '),
        row.kind,
        row.via === null ? '' : `${row.via.namespace}:${row.via.value}`,
        row.cause,
        row.undoneAt === null ? (row.level ?? '') : 'undone',
      ])
      const head = ['LOG', 'AT', 'WHAT', 'BY', 'WHY', 'STANDS']
      call.show(rows.length === 0 ? 'Nothing was ever joined.' : table(head, rows))
      return found
    }),
}

export const identityUnmerge: Command = {
  name: 'identity unmerge',
  summary: 'Undo one merge exactly; without --yes, show what that would do',
  operands: { text: 'LOG (from identity log)', least: 1, most: 1 },
  flags: { yes: { text: 'really do it' }, ...reasonFlag, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const params = { log: call.operands[0] ?? '' }
      const effect = await client.call(api.identity.previewUnmerge, { params })
      call.show(afterwards(effect))
      if (!call.switch('yes')) {
        call.show(`Nothing is done yet. To do it: einklang identity unmerge ${params.log} --yes`)
        return { done: false, effect }
      }
      const reason = call.flag('reason')
      const undone = await client.call(api.identity.unmerge, {
        params,
        body: { expected: effect.expected, ...(reason === undefined ? {} : { reason }) },
      })
      call.show(`${undone.winner} and ${undone.loser} are two people again.`)
      return { done: true, ...undone }
    }),
}

export const identitySplit: Command = {
  name: 'identity split',
  summary:
    'Give identifiers to a person of their own, or with --to to a named one; without --yes, show what that would do',
  operands: { text: 'PERSON NAMESPACE:VALUE…', least: 2, most: 51 },
  flags: {
    to: { value: 'PERSON', text: 'id of the person they belong to' },
    yes: { text: 'really do it' },
    ...reasonFlag,
    ...flags,
  },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const [named = '', ...rest] = call.operands
      const to = call.flag('to')
      const body = {
        person: await personOf(client, [named]),
        identifiers: rest.map(keyOf),
        ...(to === undefined ? {} : { to: await personOf(client, [to]) }),
      }
      const effect = await client.call(api.identity.previewSplit, { body })
      call.show(afterwards(effect))
      if (!call.switch('yes')) {
        call.show('Nothing is done yet. To do it, add --yes.')
        return { done: false, effect }
      }
      const reason = call.flag('reason') ?? 'split on the command line'
      const done = await client.call(api.identity.split, { body: { ...body, reason, expected: effect.expected } })
      call.show(`They belong to ${done.to} now.`)
      return { done: true, ...done }
    }),
}

export const identityMerge: Command = {
  name: 'identity merge',
  summary: 'Say that two customers are one person, or confirm what a run joined; holds against every rule until undone',
  operands: { text: 'PERSON PERSON', least: 2, most: 2 },
  flags: { ...reasonFlag, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const [one = '', other = ''] = call.operands
      const done = await client.call(api.identity.merge, {
        body: {
          one: await personOf(client, [one]),
          other: await personOf(client, [other]),
          reason: call.flag('reason') ?? 'said on the command line',
        },
      })
      const already = done.log === null ? 'They are one person already.' : 'They were joined by a run; now it is sure.'
      call.show(done.loser === null ? already : `They are ${done.winner} now (undo: ${done.log}).`)
      return done
    }),
}

export const identityApart: Command = {
  name: 'identity apart',
  summary: 'Say that two identifiers are different people; with --undo, take that back',
  operands: { text: 'NAMESPACE:VALUE NAMESPACE:VALUE', least: 2, most: 2 },
  flags: { undo: { text: 'they may be joined again' }, ...reasonFlag, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const [one = '', other = ''] = call.operands
      const reason = call.flag('reason') ?? 'said on the command line'
      const body = { one: keyOf(one), other: keyOf(other), reason }
      const undo = call.switch('undo')
      const done = await client.call(undo ? api.identity.allowAgain : api.identity.keepApart, { body })
      const changed = undo ? 'Rules may join them again.' : 'No rule and no run joins them any more.'
      call.show(done.changed ? changed : 'Nothing changed: it was so already.')
      return done
    }),
}

export const identityReview: Command = {
  name: 'identity review',
  summary: 'Questions where the rules stop: conflicts, grey links, shared values',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    limit: { value: 'COUNT', text: 'at most so many (default: 20)' },
    answered: { text: 'those answered' },
    ...flags,
  },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const found = await client.call(api.identity.review, {
        query: { limit: call.flag('limit') ?? '20', open: call.switch('answered') ? 'false' : 'true' },
      })
      const rows = found.items.map((item) => [
        item.id,
        item.code,
        item.via === null ? '' : `${item.via.namespace}:${item.via.value}`,
        item.probability === null ? '' : item.probability.toFixed(2),
        String(item.times),
        item.answer ?? '',
      ])
      call.show(rows.length === 0 ? 'Nothing to review.' : table(['ITEM', 'WHY', 'BY', 'P', 'TIMES', 'ANSWER'], rows))
      return found
    }),
}

const answers = api.identity.reviewAnswers

export const identityAnswer: Command = {
  name: 'identity answer',
  summary: 'Answer a question: same, different, household, unsure; release or keep a shared value; undo',
  operands: { text: `ITEM ${answers.join('|')}|undo`, least: 2, most: 2 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const [item = '', word = ''] = call.operands
      if (word === 'undo') {
        const undone = await client.call(api.identity.undoAnswer, { params: { item } })
        call.show(undone.changed ? 'The question is open again.' : 'It was open.')
        return undone
      }
      const answer = answers.find((one) => one === word)
      if (!answer) throw new Misuse(`"${word}" is no answer.`, `use ${answers.join(', ')} or undo`)
      const done = await client.call(api.identity.answerReview, { params: { item }, body: { answer } })
      const kept = 'Kept: it counts once a second colleague gives the same answer.'
      call.show(done.merged ? 'They are one person now.' : done.waits ? kept : 'Noted.')
      return done
    }),
}

export const identityMark: Command = {
  name: 'identity mark',
  summary: 'Block a value, set it aside as shared, as a family’s card or a device of a store, or release it',
  operands: { text: `NAMESPACE:VALUE ${api.identity.valueMarks.join('|')}`, least: 2, most: 2 },
  flags: { ...reasonFlag, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const [identifier = '', word = ''] = call.operands
      const as = api.identity.valueMarks.find((one) => one === word)
      if (!as) throw new Misuse(`"${word}" is no mark.`, `use ${api.identity.valueMarks.join(', ')}`)
      const done = await client.call(api.identity.markValue, {
        body: { ...keyOf(identifier), as, reason: call.flag('reason') ?? 'on the command line' },
      })
      call.show(done.persons.length === 0 ? 'Nobody had it.' : `It was named by ${done.persons.join(', ')}.`)
      return done
    }),
}

export const identityMarks: Command = {
  name: 'identity marks',
  summary: 'Values that name nobody: blocked, shared, cards of families, devices of stores',
  operands: { text: '', least: 0, most: 0 },
  flags: { limit: { value: 'COUNT', text: 'at most so many (default: 50)' }, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const found = await client.call(api.identity.values, { query: { limit: call.flag('limit') ?? '50' } })
      const rows = found.items.map((row) => [
        `${row.namespace}:${row.value}`,
        row.as,
        row.said ? (row.actor ?? '').replace(/^user:/, '') : 'noticed',
        row.reason ?? '',
        row.lastSeenAt.slice(0, 10),
      ])
      call.show(rows.length === 0 ? 'Every value counts.' : table(['VALUE', 'AS', 'BY', 'WHY', 'SEEN'], rows))
      return found
    }),
}

export const identityCommands: Command[] = [
  identityWhy,
  identityWhatif,
  identityLog,
  identityUnmerge,
  identitySplit,
  identityMerge,
  identityApart,
  identityReview,
  identityAnswer,
  identityMark,
  identityMarks,
]
