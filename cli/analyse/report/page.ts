export type Section = {
  title: string
  /** Sentences under the title: what is seen, since when, how sure. */
  text?: string
  /** Ready HTML: plots, tables. */
  body: string
}

/** One self-contained HTML page: no script, no font, no address outside it. Light and dark by the reader's setting. */
export function page({
  title,
  lead,
  sections,
}: {
  title: string
  lead?: string
  sections: readonly Section[]
}): string {
  const anchor = (index: number) => `part-${index + 1}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header><h1>${escaped(title)}</h1>${lead === undefined ? '' : `<p class="lead">${escaped(lead)}</p>`}</header>
<nav>${sections.map((section, index) => `<a href="#${anchor(index)}">${escaped(section.title)}</a>`).join(' ')}</nav>
${sections
  .map(
    (section, index) =>
      `<section id="${anchor(index)}"><h2>${escaped(section.title)}</h2>${
        section.text === undefined ? '' : `<p>${escaped(section.text)}</p>`
      }${section.body}</section>`,
  )
  .join('\n')}
</main>
</body>
</html>
`
}

/** A table; cells that are numbers stand right. */
export function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) =>
    typeof value === 'number' ? `<td class="number">${shortNumber(value)}</td>` : `<td>${escaped(value)}</td>`
  return `<div class="wide"><table><thead><tr>${head.map((name) => `<th>${escaped(name)}</th>`).join('')}</tr></thead><tbody>${rows
    .map((row) => `<tr>${row.map(cell).join('')}</tr>`)
    .join('')}</tbody></table></div>`
}

/** Passed or failed, with what it says and what to do. */
export function checkList(
  checks: readonly { name: string; passed: boolean; says: string; doInstead: string | null }[],
): string {
  return `<ul class="checks">${checks
    .map(
      ({ name, passed, says, doInstead }) =>
        `<li class="${passed ? 'passed' : 'failed'}"><strong>${passed ? '✓' : '✗'} ${escaped(name)}</strong> ${escaped(says)}${
          passed || doInstead === null ? '' : ` <em>${escaped(doInstead)}</em>`
        }</li>`,
    )
    .join('')}</ul>`
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Three digits that matter, thousands separated: `1,230`, `0.0123`. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1000) return Number(value.toPrecision(4)).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/** A share of draws as a chance: never as certainty. */
export function chanceOf(share: number): string {
  if (share > 0.99) return 'more than 99 %'
  return share < 0.01 ? 'less than 1 %' : `${Math.round(100 * share)} %`
}

const style = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #667078; --line: #d9dee2; --paper: #fff; --good: #1d7a46; --bad: #b3261e;
  --c0: #2f6fdb; --c1: #d9822b; --c2: #1f9d7a; --c3: #b0459b; --c4: #8a6d1f; --c5: #5b58c7; --c6: #c2403d; --c7: #4e8f2c; --c8: #2a93b5; --c9: #7d7d7d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ac; --line: #3a4148; --paper: #16191c; --good: #5cc98a; --bad: #ff8a80;
  --c0: #7aa7f7; --c1: #f0a95c; --c2: #5fd0af; --c3: #dd86cd; --c4: #cdb15a; --c5: #a09df0; --c6: #ef8683; --c7: #94cf74; --c8: #74c8e3; --c9: #b5b5b5; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem }
.lead { font-size: 1.1rem } p { max-width: 46rem } nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: 1rem 0; font-size: .9rem }
a { color: var(--c0) } figure { margin: 1rem 0 } figcaption { color: var(--soft); font-size: .9rem }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--soft); font: 12px system-ui, sans-serif } svg .axis { stroke: var(--line) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; min-width: 30rem } th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
td.number { text-align: right; font-variant-numeric: tabular-nums } ul.checks { list-style: none; padding: 0 } ul.checks li { margin: .3rem 0 }
.passed strong { color: var(--good) } .failed strong { color: var(--bad) } .key { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; color: var(--soft) }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; vertical-align: -.05em } .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 0 1.5rem }
@media print { nav { display: none } section { break-inside: avoid } }
`
