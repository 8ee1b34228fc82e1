import { createHash } from 'node:crypto'
import { type api, kept, type Purpose } from '@einklang/contract'
import { inLayout, layoutVersion, withBrandColour } from './layout.ts'
import { type Finding, fallbackFindings, hiddenFindings, literalFindings, rawFindings } from './lint.ts'
import type { LiquidProblem } from './liquid.ts'
import type { Piece } from './liquid-worker.ts'
import type { MjmlResult } from './mjml-worker.ts'
import { costlyCharacter, smsSize } from './sms.ts'
import type { Workshop } from './workshop.ts'

export type Content = api.content.VariantContent

/** What is rendered for each person: compiled once at save, with the names of the data it needs. */
export type Compiled = { pieces: Piece[]; roots: string[] }

export type Workshops = { liquid: Workshop; mjml: Workshop }

const known = ['person', 'cart', 'brand', 'links', 'cause']
/** Gmail clips above this and hides the footer with the unsubscribe link. */
const clippedAbove = 104_448

/** The hash a variant is approved by: everything a reader may see, references not yet resolved. */
export function hashOf(content: Content, language: string): string {
  const canonical = JSON.stringify(sorted({ content, language, layout: layoutVersion }))
  return createHash('sha256').update(canonical).digest('hex')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}

type Field = { field: string; source: string; place: 'html' | 'plain' }

function fieldsOf(content: Content): Field[] {
  switch (content.channel) {
    case 'email':
      return [
        { field: 'subject', source: content.subject, place: 'plain' },
        { field: 'preheader', source: content.preheader, place: 'html' },
        { field: 'mjml', source: content.mjml, place: 'html' },
      ]
    case 'push':
      return [
        { field: 'title', source: content.title, place: 'plain' },
        { field: 'text', source: content.text, place: 'plain' },
        { field: 'link', source: content.link, place: 'plain' },
      ]
    case 'letter':
      return [
        { field: 'subject', source: content.subject, place: 'plain' },
        { field: 'text', source: content.text, place: 'plain' },
      ]
    default:
      return [{ field: 'text', source: content.text, place: 'plain' }]
  }
}

/** Checks words and makes them ready to render. With a `block` among the findings `compiled` must not be used. */
export async function compile(
  workshops: Workshops,
  content: Content,
  language: string,
  purpose: Purpose,
): Promise<{ compiled: Compiled; findings: Finding[] }> {
  const fields = fieldsOf(content)
  const inspected = await workshops.liquid.run<{ name: string; problems: LiquidProblem[]; roots: string[] }[]>({
    kind: 'inspect',
    pieces: fields.map(({ field, source, place }) => ({ name: field, source, place })),
  })
  const findings = fields.flatMap(({ field, source }) => [
    ...hiddenFindings(field, source),
    ...literalFindings(field, source),
    ...fallbackFindings(field, source),
    ...rawFindings(field, source),
  ])
  for (const { name, problems, roots } of inspected) {
    findings.push(
      ...problems.map((problem) => block('liquid', name, problem.line, kept('invalid', { message: problem.message }))),
    )
    for (const root of roots)
      if (!known.includes(root))
        findings.push(
          block(
            'unknown-data',
            name,
            null,
            kept('unknown_data', { root }),
            kept('known_data', { known: known.join(', ') }),
          ),
        )
  }
  findings.push(...emptyFindings(fields), ...channelFindings(content))
  const roots = [...new Set(inspected.flatMap((piece) => piece.roots))]
  if (content.channel !== 'email') {
    const pieces = fields.map(({ field, source, place }) => ({ name: field, source, place }))
    return { compiled: { pieces, roots }, findings }
  }
  const mail = await compileMail(workshops, content, language, purpose)
  return {
    compiled: {
      pieces: [
        { name: 'subject', source: content.subject, place: 'plain' },
        { name: 'preheader', source: content.preheader, place: 'html' },
        { name: 'html', source: mail.html, place: 'html' },
      ],
      roots,
    },
    findings: [...findings, ...mail.findings],
  }
}

function block(
  rule: string,
  field: string,
  line: number | null,
  message: string,
  doInstead: string | null = null,
): Finding {
  return { level: 'block', rule, field, line, message, doInstead }
}

function emptyFindings(fields: Field[]): Finding[] {
  return fields
    .filter(({ field, source }) => !['preheader', 'link'].includes(field) && source.trim() === '')
    .map(({ field }) => block('empty', field, null, kept('empty', { field })))
}

function channelFindings(content: Content): Finding[] {
  if (content.channel === 'email' && /[\r\n]/.test(content.subject))
    return [block('line-break', 'subject', null, kept('one_line'))]
  if (content.channel !== 'sms') return []
  const costly = costlyCharacter(content.text.replace(/\{[{%][^]*?[%}]\}/g, ''))
  if (!costly) return []
  const { segments } = smsSize(content.text)
  return [
    {
      level: 'warn',
      rule: 'sms-encoding',
      field: 'text',
      line: null,
      message: kept('costly', { character: costly.character, segments }),
      doInstead: costly.plain === null ? null : kept('write_instead', { plain: costly.plain }),
    },
  ]
}

async function compileMail(
  workshops: Workshops,
  content: Extract<Content, { channel: 'email' }>,
  language: string,
  purpose: Purpose,
): Promise<{ html: string; findings: Finding[] }> {
  if (/<mj-include\b/.test(content.mjml))
    return { html: '', findings: [block('include', 'mjml', null, kept('no_files'))] }
  const { mjml, firstLine } = inLayout(content.mjml, language, content.preheader)
  const { html, errors } = await workshops.mjml.run<MjmlResult>({ source: mjml })
  const findings = errors.map((error) =>
    block(
      'mjml',
      'mjml',
      Math.max(1, error.line - firstLine + 1),
      kept('markup', { message: error.message, tag: error.tag }),
    ),
  )
  const whole = withBrandColour(html)
  if (purpose !== 'service' && purpose !== 'support' && !whole.includes('links.unsubscribe'))
    findings.push(block('unsubscribe', 'mjml', null, kept('no_unsubscribe'), kept('add_unsubscribe')))
  if (Buffer.byteLength(whole) > clippedAbove)
    findings.push(
      block(
        'clipped',
        'mjml',
        null,
        kept('clipped', { size: Math.round(Buffer.byteLength(whole) / 1024) }),
        kept('shorten'),
      ),
    )
  for (const image of whole.matchAll(/<img\b(?![^>]*\balt="[^"]+")[^>]*>/g))
    findings.push({
      level: 'warn',
      rule: 'alt-text',
      field: 'mjml',
      line: null,
      message: kept('no_description', { image: image[0].slice(0, 60) }),
      doInstead: kept('describe'),
    })
  return { html: whole, findings }
}
