const entities: { [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', shy: '' }

function decoded(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex: string, decimal: string, name: string) => {
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal)
    if (hex || decimal) return code > 0 && code < 0x110000 ? String.fromCodePoint(code) : whole
    return entities[name.toLowerCase()] ?? whole
  })
}

/** The plain part of a mail: what the HTML says, links written out, layout gone. */
export function textOf(html: string): string {
  const text = html
    .replace(/<!--[^]*?-->/g, '')
    .replace(/<(head|style|script|title)\b[^]*?<\/\1\s*>/gi, '')
    .replace(/<div[^>]*display:\s*none[^>]*>[^]*?<\/div>/gi, '')
    .replace(/[\t\r\n ]+/g, ' ')
    .replace(/<a\b[^>]*href="([^"]*)"[^>]*>([^]*?)<\/a>/gi, (_, url: string, label: string) =>
      label.replace(/<[^>]*>/g, '').trim() ? `${label} (${url})` : '',
    )
    .replace(/<img\b[^>]*alt="([^"]+)"[^>]*>/gi, '$1')
    .replace(/<br\s*\/?>/gi, '\n')
    .replace(/<\/t[dh]>/gi, ' ')
    .replace(/<li\b[^>]*>/gi, '\n- ')
    .replace(/<\/(p|div|tr|table|h[1-6]|ul|ol|li)>/gi, '\n')
    .replace(/<[^>]*>/g, '')
  return decoded(text)
    .split('\n')
    .map((line) => line.replace(/ +/g, ' ').trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}
