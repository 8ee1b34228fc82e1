import { z } from 'zod'
import { channel, purpose } from '../channels.ts'
import { idOf } from '../ids.ts'
import { route } from '../route.ts'

/** Where in a text something is wrong, what was measured, and what to do. */
export const finding = z.object({
  level: z.enum(['block', 'warn', 'hint']),
  rule: z.string(),
  /** Field of the variant: `source`, `subject` … */
  field: z.string(),
  line: z.int().nullable(),
  message: z.string(),
  doInstead: z.string().nullable(),
})
export type Finding = z.output<typeof finding>

const text = z.string().max(262_144)
const short = z.string().max(1000)

/** The words of one concept on one channel. Every text is Liquid; `mjml` may hold Liquid in its texts and attributes. */
export const variantContent = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('email'), subject: short, preheader: short.default(''), mjml: text }),
  z.strictObject({ channel: z.literal('sms'), text: z.string().max(4000) }),
  z.strictObject({
    channel: z.literal('push'),
    title: short,
    text: z.string().max(4000),
    link: z.string().max(2000).default(''),
  }),
  z.strictObject({
    channel: z.literal('letter'),
    subject: short,
    /** Paragraphs are separated by an empty line. */
    text: z.string().max(20_000),
  }),
  z.strictObject({ channel: z.literal('phone'), text: z.string().max(20_000) }),
])
export type VariantContent = z.output<typeof variantContent>

const language = z.string().regex(/^[a-z]{2}$/, 'is not a language code such as de')

const variant = z.object({
  id: idOf('variant'),
  channel,
  language,
  version: z.int(),
  /** SHA-256 over everything a reader may see, references unresolved. */
  hash: z.string(),
  content: variantContent,
  findings: z.array(finding),
  updatedAt: z.iso.datetime(),
  updatedBy: z.string(),
})
export type Variant = z.output<typeof variant>

const conceptSummary = z.object({
  id: idOf('concept'),
  name: z.string(),
  description: z.string(),
  purpose,
  topic: z.string().nullable(),
  /** Used when there is no variant in the person's language. */
  language,
  variants: z.array(z.object({ channel, language, blocked: z.boolean() })),
  updatedAt: z.iso.datetime(),
})
export type ConceptSummary = z.output<typeof conceptSummary>

const conceptDetail = conceptSummary.extend({ variants: z.array(variant) })
export type ConceptDetail = z.output<typeof conceptDetail>

const conceptBody = z.strictObject({
  name: z.string().trim().min(1).max(120),
  description: z.string().max(1000).default(''),
  purpose,
  topic: z.string().max(60).nullable().default(null),
  language: language.default('de'),
})

/** What a person would see; every kind of channel fills the fields it has. */
export const rendering = z.object({
  subject: z.string().nullable(),
  preheader: z.string().nullable(),
  html: z.string().nullable(),
  text: z.string(),
  language,
  hash: z.string(),
  /** SMS only: what it costs to send. */
  sms: z.object({ encoding: z.enum(['GSM-7', 'UCS-2']), length: z.int(), segments: z.int() }).nullable(),
  /** References that were resolved, with their value at `asOf`. */
  references: z.array(z.object({ name: z.string(), value: z.string() })),
})
export type Rendering = z.output<typeof rendering>

const previewAnswer = z.object({
  /** Prices and stock as of this instant. */
  asOf: z.iso.datetime(),
  rendering: rendering.nullable(),
  refused: z.string().nullable(),
  findings: z.array(finding),
  /** Safe to load in an `<iframe sandbox>`: the HTML on a page without scripts; valid for an hour. */
  frameUrl: z.string().nullable(),
})
export type Preview = z.output<typeof previewAnswer>

export const concepts = route({
  stage: 'content',
  name: 'concepts',
  summary: 'All concepts with the channels and languages they have words for',
  method: 'get',
  path: '/concepts',
  may: 'signed-in',
  answer: z.object({ items: z.array(conceptSummary) }),
})

export const concept = route({
  stage: 'content',
  name: 'concept',
  summary: 'One concept with all its variants',
  method: 'get',
  path: '/concepts/{concept}',
  may: 'signed-in',
  params: z.object({ concept: idOf('concept') }),
  answer: conceptDetail,
})

export const createConcept = route({
  stage: 'content',
  name: 'createConcept',
  summary: 'Creates a concept without variants',
  method: 'post',
  path: '/concepts',
  may: ['admin', 'marketer'],
  body: conceptBody,
  answer: conceptDetail,
})

export const saveConcept = route({
  stage: 'content',
  name: 'saveConcept',
  summary: 'Changes name, purpose, topic or language of a concept',
  method: 'put',
  path: '/concepts/{concept}',
  may: ['admin', 'marketer'],
  params: z.object({ concept: idOf('concept') }),
  body: conceptBody,
  answer: conceptDetail,
})

export const saveVariant = route({
  stage: 'content',
  name: 'saveVariant',
  summary: 'Checks and saves the words for one channel and language; refused when the version moved or a check blocks',
  method: 'put',
  path: '/concepts/{concept}/variants/{channel}/{language}',
  may: ['admin', 'marketer'],
  params: z.object({ concept: idOf('concept'), channel, language }),
  /** `version`: the version that was edited, null for a new variant. */
  body: z.strictObject({ version: z.int().nullable(), content: variantContent }),
  answer: variant,
})

export const check = route({
  stage: 'content',
  name: 'check',
  summary: 'Checks words without saving them',
  method: 'post',
  asks: true,
  path: '/check',
  may: ['admin', 'marketer', 'support'],
  body: z.strictObject({ language, content: variantContent }),
  answer: z.object({
    findings: z.array(finding),
    sms: z.object({ encoding: z.enum(['GSM-7', 'UCS-2']), length: z.int(), segments: z.int() }).nullable(),
  }),
})

export const preview = route({
  stage: 'content',
  name: 'preview',
  summary: 'Shows a saved or unsaved variant as a real customer would get it now',
  method: 'post',
  asks: true,
  path: '/concepts/{concept}/preview',
  may: ['admin', 'marketer'],
  params: z.object({ concept: idOf('concept') }),
  body: z.strictObject({
    channel,
    /** Null = the person's language. */
    language: language.nullable().default(null),
    /** Null = invented sample data. */
    person: idOf('person').nullable().default(null),
    /** Words being edited; null = as saved. */
    content: variantContent.nullable().default(null),
  }),
  answer: previewAnswer,
})
