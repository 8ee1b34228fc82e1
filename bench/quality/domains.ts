import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawsFrom } from '@einklang/stats'
import { meantDomain } from '../../engine/ingest/quality/checks/contacts.ts'

const modules = join(import.meta.dirname, '../../node_modules')

/** Domains that exist: those of the people and pages behind the installed packages. */
function realDomains(): string[] {
  const found = new Set<string>()
  const read = (folder: string) => {
    for (const name of ['package.json', 'README.md', 'readme.md', 'CHANGELOG.md', 'LICENSE', 'AUTHORS']) {
      const file = join(folder, name)
      if (!existsSync(file)) continue
      for (const [, given] of readFileSync(file, 'utf8').matchAll(
        /(?:@|:\/\/(?:www\.)?)([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?=[\s/>")\]?#]|$)/gi,
      )) {
        const domain = given?.toLowerCase() ?? ''
        // Names of files and packages look alike; what is written as an example need not exist.
        if (/\.(?:js|ts|json|md|git|npm|html|example|local|test|invalid)$/.test(domain) || !/\.[a-z]{2,}$/.test(domain))
          continue
        found.add(domain)
      }
    }
  }
  for (const name of readdirSync(modules)) {
    if (name.startsWith('@')) for (const inner of readdirSync(join(modules, name))) read(join(modules, name, inner))
    else read(join(modules, name))
  }
  return [...found].sort()
}

/** Real mail domains of the countries around, rare ones included; none of them may be called a slip. */
const mailDomains =
  'gmail.com gmx.de web.de t-online.de googlemail.com outlook.com hotmail.com icloud.com yahoo.com yahoo.de outlook.de gmx.net freenet.de hotmail.de gmx.at gmx.ch bluewin.ch aol.com live.com live.de posteo.de mailbox.org proton.me protonmail.com arcor.de vodafone.de libero.it virgilio.it alice.it tiscali.it orange.fr wanadoo.fr laposte.net btinternet.com sky.com me.com mac.com msn.com ymail.com mail.com email.com mail.de a1.net aon.at chello.at hispeed.ch sunrise.ch gmail.de gmx.biz gmx.info web.com yahoo.co.jp yahoo.es yahoo.ca outlook.es outlook.fr hotmail.es hotmail.be live.at live.nl live.it icloud.de online.nl freemail.hu freenet.at tonline.com'.split(
    ' ',
  )

const typed = [
  'gmail.com',
  'gmx.de',
  'web.de',
  't-online.de',
  'googlemail.com',
  'outlook.com',
  'hotmail.com',
  'icloud.com',
  'yahoo.com',
  'yahoo.de',
  'outlook.de',
  'gmx.net',
  'freenet.de',
  'hotmail.de',
  'gmx.at',
  'gmx.ch',
  'bluewin.ch',
  'libero.it',
]

/** Slips as fingers make them: swapped, dropped, doubled, neighbouring keys, and endings that do not exist. */
function slips(count: number): [typed: string, meant: string][] {
  const draws = drawsFrom('bench quality', 'slips')
  const rows = ['qwertzuiop', 'asdfghjkl', 'yxcvbnm']
  const made: [string, string][] = []
  while (made.length < count) {
    const meant = typed[draws.below(typed.length)] as string
    const at = draws.below(meant.length - 1)
    const kind = draws.below(4)
    const letter = meant[at] as string
    let slip = meant
    if (kind === 0) slip = `${meant.slice(0, at)}${meant[at + 1]}${letter}${meant.slice(at + 2)}`
    if (kind === 1) slip = meant.slice(0, at) + meant.slice(at + 1)
    if (kind === 2) slip = meant.slice(0, at) + letter + meant.slice(at)
    if (kind === 3) {
      const row = rows.find((one) => one.includes(letter))
      const near = row?.[row.indexOf(letter) + (draws.uniform() < 0.5 ? -1 : 1)]
      if (near) slip = meant.slice(0, at) + near + meant.slice(at + 1)
    }
    if (slip !== meant && !typed.includes(slip) && !mailDomains.includes(slip)) made.push([slip, meant])
  }
  return made
}

/** Q5: suggestions on real domains, and how many slips get the right one. */
export function domains() {
  const real = [...new Set([...mailDomains, ...realDomains()])]
  const suggested = real.filter((domain) => meantDomain(domain) !== null)
  const planted = slips(1000)
  const right = planted.filter(([slip, meant]) => meantDomain(slip) === meant)
  const wrong = planted.filter(([slip, meant]) => meantDomain(slip) !== null && meantDomain(slip) !== meant)
  const short = (domain: string) => domain.indexOf('.') < 5
  const long = planted.filter(([, meant]) => !short(meant))
  return {
    real: real.length,
    suggestedOnReal: suggested.length / real.length,
    which: suggested,
    planted: planted.length,
    right: right.length / planted.length,
    rightOnLongNames: right.filter(([, meant]) => !short(meant)).length / long.length,
    wrong: wrong.length / planted.length,
  }
}
