/**
 * Kölner Phonetik (Postel 1969): digits that German names sound like. `Müller` and `Mueller` are both 657.
 * Expects folded text (a–z); anything else is skipped.
 */
export function colognePhonetics(text: string): string {
  let code = ''
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string
    const before = at > 0 ? (text[at - 1] as string) : ''
    const after = text[at + 1] ?? ''
    code += digitOf(letter, before, after)
  }
  let squeezed = ''
  for (const digit of code) if (!squeezed.endsWith(digit)) squeezed += digit
  return squeezed.slice(0, 1) + squeezed.slice(1).replaceAll('0', '')
}

function digitOf(letter: string, before: string, after: string): string {
  if ('aeijouy'.includes(letter)) return '0'
  if (letter === 'h') return ''
  if (letter === 'b') return '1'
  if (letter === 'p') return after === 'h' ? '3' : '1'
  if (letter === 'd' || letter === 't') return after !== '' && 'csz'.includes(after) ? '8' : '2'
  if ('fvw'.includes(letter)) return '3'
  if ('gkq'.includes(letter)) return '4'
  if (letter === 'c') {
    const hard = after !== '' && (before === '' ? 'ahkloqrux' : 'ahkoqux').includes(after)
    return hard && !(before !== '' && 'sz'.includes(before)) ? '4' : '8'
  }
  if (letter === 'x') return before !== '' && 'ckq'.includes(before) ? '8' : '48'
  if (letter === 'l') return '5'
  if (letter === 'm' || letter === 'n') return '6'
  if (letter === 'r') return '7'
  if (letter === 's' || letter === 'z') return '8'
  return ''
}
