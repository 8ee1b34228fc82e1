import type { Call, Node, Plan } from './document.ts'

/** TypeScript types of a plan, for whoever sends; the same plan gives the same bytes. */
export function typesText(plan: Plan): string {
  const taken = new Set<string>()
  const blocks: string[] = []
  const events: string[] = []
  for (const call of plan.events?.values() ?? []) {
    const name = typeName(call.name, taken)
    blocks.push(block(name, call))
    events.push(`  ${key(call.name)}: ${name}`)
  }
  for (const [part, name] of [
    ['traits', 'Traits'],
    ['groups', 'GroupTraits'],
    ['pages', 'PageProperties'],
    ['screens', 'ScreenProperties'],
  ] as const) {
    const call = plan[part]
    if (call) blocks.push(block(typeName(name, taken), call))
  }
  const map = plan.events
    ? [
        `/** Event name → its properties. */\nexport type ${typeName('Events', taken)} = {\n${events.join('\n')}${events.length > 0 ? '\n' : ''}}`,
      ]
    : []
  return `${[`// Tracking plan ${plan.hash}`, ...blocks, ...map].join('\n\n')}\n`
}

function block(name: string, call: Call): string {
  return `${comment(call.description, '')}export type ${name} = ${typeOf(call.root, '')}`
}

function typeOf(node: Node, indent: string): string {
  const values = node.values
  if (values) {
    const fitting = values.filter((value) => fits(node, value))
    return fitting.length === 0 ? 'never' : fitting.map((value) => JSON.stringify(value)).join(' | ')
  }
  const types = node.types?.includes('number') ? node.types.filter((type) => type !== 'integer') : node.types
  if (!types) return 'unknown'
  return types
    .map((type) => {
      if (type === 'integer') return 'number'
      if (type === 'array') return `${bracketed(node.items ? typeOf(node.items, indent) : 'unknown')}[]`
      return type === 'object' ? objectOf(node, indent) : type
    })
    .join(' | ')
}

function fits(node: Node, value: string | number | boolean | null): boolean {
  const type = value === null ? 'null' : (typeof value as 'string' | 'number' | 'boolean')
  return !node.types || node.types.includes(type) || (type === 'number' && node.types.includes('integer'))
}

function objectOf(node: Node, indent: string): string {
  const inner = `${indent}  `
  const lines = [...node.properties].map(([name, property]) => {
    const optional = node.required.includes(name) ? '' : '?'
    return `${comment(property.description, inner)}${inner}${key(name)}${optional}: ${typeOf(property, inner)}`
  })
  if (node.open) lines.push(`${inner}[other: string]: unknown`)
  return lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('\n')}\n${indent}}`
}

function bracketed(type: string): string {
  return /^[\w]+$/.test(type) || (type.startsWith('{') && !/\} \| /.test(type)) ? type : `(${type})`
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) && name !== '__proto__' ? name : JSON.stringify(name)
}

/** A comment cannot be ended from inside. */
function comment(text: string, indent: string): string {
  const clean = text.trim().replaceAll('*/', '* /').replaceAll(/\s+/g, ' ')
  return clean === '' ? '' : `${indent}/** ${clean} */\n`
}

/** `Order Completed` → OrderCompleted; names that meet there are numbered. */
function typeName(name: string, taken: Set<string>): string {
  const words = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
  const joined = words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join('')
  const base = /^[A-Za-z]/.test(joined) ? joined : `Event${joined}`
  let made = base
  for (let number = 2; taken.has(made); number++) made = `${base}${number}`
  taken.add(made)
  return made
}
