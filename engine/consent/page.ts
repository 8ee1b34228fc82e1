import type { Channel, Purpose } from '@einklang/contract'
import { channelText, type Language, purposeText, text } from './words.ts'

const entities: { [sign: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape(value: string): string {
  return value.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign)
}

type Frame = { language: Language; brand: string; heading: string; body: string }

/** A complete page without script: works in any browser, with a keyboard and with a screen reader. */
function page({ language, brand, heading, body }: Frame): string {
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escape(heading)} · ${escape(brand)}</title>
<link rel="stylesheet" href="/p/style.css">
</head>
<body>
<main>
<p class="brand">${escape(brand)}</p>
<h1>${escape(heading)}</h1>
${body}
</main>
</body>
</html>`
}

export type Visitor = { language: Language; brand: string; channel: Channel; maskedAddress: string }

/** What a GET of the unsubscribe link shows: one button, no change. */
export function leavePage(visitor: Visitor, links: { preferences: string }, topic: string | null): string {
  const { language, brand, maskedAddress } = visitor
  const what = topic ?? text(language, 'advertising')
  return page({
    language,
    brand,
    heading: text(language, 'leaveTitle'),
    body: `<p>${escape(text(language, 'leaveQuestion', { what, address: maskedAddress }))}</p>
<form method="post"><input type="hidden" name="choice" value="leave">
<button type="submit">${escape(text(language, 'leaveButton'))}</button></form>
${everythingForm(language)}
<p><a href="${escape(links.preferences)}">${escape(text(language, 'more'))}</a></p>`,
  })
}

function everythingForm(language: Language): string {
  return `<form method="post" class="quiet"><input type="hidden" name="choice" value="everything">
<button type="submit" class="secondary">${escape(text(language, 'everything'))}</button>
<p class="hint">${escape(text(language, 'everythingHint'))}</p></form>`
}

export function leftPage(
  visitor: Visitor,
  links: { preferences: string },
  left: 'everything' | { topic: string | null },
): string {
  const { language, brand, maskedAddress } = visitor
  const what = left === 'everything' ? '' : (left.topic ?? text(language, 'advertising'))
  const detail =
    left === 'everything'
      ? text(language, 'doneEverything')
      : text(language, 'doneDetail', { what, address: maskedAddress })
  return page({
    language,
    brand,
    heading: text(language, 'done'),
    body: `<p role="status">${escape(detail)}</p>
<p><a href="${escape(links.preferences)}">${escape(text(language, 'more'))}</a></p>`,
  })
}

export type Choice = { purpose: Purpose; allowed: boolean }

/** Purposes of this address with their present answer. Nothing is ticked that was not allowed before. */
export function preferencePage(visitor: Visitor, choices: Choice[], saved: boolean): string {
  const { language, brand, channel, maskedAddress } = visitor
  const boxes = choices
    .map(({ purpose, allowed }) => {
      const words = purposeText(language, purpose)
      return `<label><input type="checkbox" name="purpose" value="${purpose}"${allowed ? ' checked' : ''}>
<span><strong>${escape(words.name)}</strong><br>${escape(words.sentence)}</span></label>`
    })
    .join('\n')
  const address = `${maskedAddress} (${channelText(language, channel)})`
  return page({
    language,
    brand,
    heading: text(language, 'title', { brand }),
    body: `${saved ? `<p class="saved" role="status">${escape(text(language, 'saved'))}</p>` : ''}
<form method="post"><input type="hidden" name="choice" value="save">
<fieldset><legend>${escape(text(language, 'choose', { address }))}</legend>
${boxes}
</fieldset>
<p class="hint">${escape(text(language, 'consent', { brand }))}</p>
<button type="submit">${escape(text(language, 'save'))}</button></form>
${everythingForm(language)}`,
  })
}

export function missingPage(language: Language, brand: string): string {
  return page({
    language,
    brand,
    heading: text(language, 'missing'),
    body: `<p>${escape(text(language, 'missingDetail'))}</p>`,
  })
}

export const styleSheet = `:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --ground: #f3f4f7; --accent: #1f5fbf; --line: #d5d9e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --paper: #1d222b; --ground: #12151b; --accent: #7fb0ff; --line: #3a4250; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; }
main { max-width: 36rem; margin: 8vh auto; padding: 2rem; background: var(--paper); border: 1px solid var(--line); border-radius: 12px; }
.brand { margin: 0; font-weight: 600; opacity: .75; }
h1 { margin: .25rem 0 1.25rem; font-size: 1.6rem; line-height: 1.25; }
fieldset { margin: 0 0 1rem; padding: 0; border: 0; }
legend { margin-bottom: .75rem; font-weight: 600; }
label { display: flex; gap: .75rem; padding: .75rem 0; border-top: 1px solid var(--line); }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; margin-top: .2rem; accent-color: var(--accent); flex: none; }
button { font: inherit; font-weight: 600; padding: .7rem 1.4rem; border: 2px solid var(--accent); border-radius: 8px; background: var(--accent); color: var(--paper); cursor: pointer; }
button.secondary { background: transparent; color: var(--accent); }
button:focus-visible, a:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
form.quiet { margin-top: 1.75rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.hint { font-size: .9rem; opacity: .8; }
.saved { padding: .75rem 1rem; border-left: 4px solid var(--accent); background: var(--ground); }
a { color: var(--accent); }
@media (max-width: 40rem) { main { margin: 0; min-height: 100vh; border: 0; border-radius: 0; } button { width: 100%; } }
`
