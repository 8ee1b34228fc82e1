/** Part of every hash: a new layout is new words. */
export const layoutVersion = 1

/** MJML checks colours, so the brand's colour travels through it as one that nobody uses. */
const brandColour = '#010b0c'

const words: { [language: string]: { because: string; unsubscribe: string; settings: string } } = {
  de: {
    because: 'Sie erhalten diese E-Mail, weil Sie ihr zugestimmt haben.',
    unsubscribe: 'Abmelden',
    settings: 'Einstellungen',
  },
  en: {
    because: 'You receive this e-mail because you agreed to it.',
    unsubscribe: 'Unsubscribe',
    settings: 'Preferences',
  },
}

/** The brand's frame around the words of a mail; a whole `<mjml>` document is taken as it is. */
export function inLayout(source: string, language: string, preheader: string): { mjml: string; firstLine: number } {
  if (/<mjml[\s>]/.test(source)) return { mjml: source, firstLine: 1 }
  const { because, unsubscribe, settings } = words[language] ?? words.en!
  const head = `<mjml lang="${language}"><mj-head>${preheader ? `<mj-preview>${preheader}</mj-preview>` : ''}<mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /><mj-text font-size="16px" line-height="24px" color="#1f2933" /><mj-button background-color="${brandColour}" color="#ffffff" border-radius="6px" font-size="16px" inner-padding="12px 24px" /></mj-attributes></mj-head><mj-body background-color="#f4f5f7" width="600px"><mj-section background-color="${brandColour}" padding="18px 0"><mj-column><mj-text color="#ffffff" font-size="20px" font-weight="700">{{ brand.name }}</mj-text></mj-column></mj-section>`
  const foot = `<mj-section padding="12px 0 32px"><mj-column><mj-text font-size="12px" line-height="18px" color="#52606d">${because}<br/><a href="{{ links.unsubscribe }}">${unsubscribe}</a> · <a href="{{ links.preferences }}">${settings}</a><br/>{{ brand.imprint | escape | newline_to_br | raw }}</mj-text></mj-column></mj-section></mj-body></mjml>`
  return { mjml: `${head}\n${source}\n${foot}`, firstLine: 2 }
}

export function withBrandColour(html: string): string {
  return html.replaceAll(brandColour, '{{ brand.colour }}')
}
