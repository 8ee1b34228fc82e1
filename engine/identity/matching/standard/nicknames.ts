import { englishNicknames } from './nicknames-english.ts'

/** German first names, Italian and Vietnamese have no lists yet: each line a name and the forms it goes by. */
const germanNicknames = `
johannes hans hannes johann jo hansi johanns
josef sepp joseph jupp beppo peppi seppi
ursula uschi ulla ursel
elisabeth lisa elli sissi lisbeth betty liesel elsa else lieselotte lilli lisl liesl
katharina kathi kati katrin kathrin kaethe katja katarina catharina
margarete gretel greta grete margit rita margarethe gretchen margret marga
maximilian max maxi
alexander alex sascha xander
alexandra alex sandra sascha
sebastian basti bastian
michael michi michel micha mike michl
wilhelm willi willy helmut wilm
friedrich fritz friedel frieder
heinrich heinz heiner hinnerk heini
georg schorsch joerg juergen jorg schorschi
anna anne aenne annika anni anja annchen
christina christine tina christiane christl christa
christian chris christl
thomas tom thommy tommy
andreas andi andy anderl
matthias matze hias mathias matthi hiasl
stefan stephan steffen steff
susanne susi sanne susanna suse
barbara baerbel babsi baerbl
gabriele gabi gaby gabriela
angelika geli angela
martina tina
robert bob bobby rob robbi
benjamin ben benni benny
daniel dani dan
daniela dani
franziska franzi franzi fanny
jakob jacob jack jockel
nikolaus klaus niklas nico claus nikolas klausi
theresa resi therese theresia resl
ludwig wiggerl luggi lutz
franz franzl francis
karl karli charly carl kalle
anton toni
eduard edi eddi
ferdinand ferdl ferdi
gottfried friedl
guenther guenter gunter gunther
herbert herb bertl
hermann mandi herm
ignaz naz
jochen joachim achim jo
konrad kurt conny konni
leonhard leo lenz hartl
leopold poldi leo
lorenz lenz enz
manfred manni mani fred
markus marc mark marcus
philipp phil lipp philip
rudolf rudi rolf ralf
siegfried siggi sigi
ulrich uli ulli
valentin valtin vale
walter walti walther
werner wernher
wolfgang wolf wolfi wolferl
xaver xaverl veri
adelheid heidi adele heide
agnes nes agi
annemarie anne marie annemie
brigitte gitti birgit gitta
charlotte lotte lotti
dorothea dorle thea dora doris dorothee
eleonore lore nora leonore
eva evi evchen
friederike rike friedl fritzi
gertrud trude traudl gerti trudi
helene leni lena hella helena
hildegard hilde hilda
ingeborg inge
irmgard irmi irma
johanna hanna hanni hanne jo
josefine josefa fini sepha
juliane julia jule juli
karoline karo lina line carola
magdalena lena leni magda lenchen
maria marie mitzi mia ria mimi marei
mechthild mechtild hilde
monika moni
petra petzi
regina gina regine
renate nate reni
rosemarie rosi rosa rosl romy
sabine bine biene
sophie sofie sopherl sophia sofia
stefanie steffi stephanie
veronika vroni vero
waltraud traudl traudi wally
wilhelmine minna mina wilma
mohammed mohamed muhammed muhammad mohammad mohamad mhd mehmet
`

/** Name → numbers of the groups it stands in, as text for comparison: `3 17`. */
const groups = groupsOf(englishNicknames, germanNicknames)

function groupsOf(...tables: string[]): Map<string, string> {
  const found = new Map<string, number[]>()
  let group = 0
  for (const line of tables.join('\n').split('\n')) {
    if (line === '') continue
    group++
    for (const name of new Set(line.split(' '))) {
      const known = found.get(name)
      if (known) known.push(group)
      else found.set(name, [group])
    }
  }
  return new Map([...found].map(([name, numbers]) => [name, numbers.join(' ')]))
}

/** Groups of a folded first name; '' = the table does not know it. */
export function nicknameGroups(name: string): string {
  const found = new Set<string>()
  for (const form of [name, plainEnding(name), stemOf(name)]) {
    const known = groups.get(form)
    if (known) for (const group of known.split(' ')) found.add(group)
  }
  return [...found].join(' ')
}

/** May an initial stand for this name, or for a form of it? B is Bob, and Bob is Robert. */
export function initialFits(initial: string, name: string): boolean {
  if (name.startsWith(initial)) return true
  return nicknameGroups(name)
    .split(' ')
    .some((group) => initials.get(group)?.has(initial) === true)
}

const initials = new Map<string, Set<string>>()
for (const [name, numbers] of groups) {
  for (const group of numbers.split(' ')) {
    const known = initials.get(group)
    if (known) known.add(name[0] as string)
    else initials.set(group, new Set([name[0] as string]))
  }
}

/** Robbie, Robbi and Robby are one form. */
function plainEnding(name: string): string {
  return name.length > 3 ? name.replace(/(?:ie|ey|i)$/, 'y') : name
}

/** Robbie comes from Rob. */
function stemOf(name: string): string {
  return name.length > 4 ? name.replace(/(?:ie|ey|i|y)$/, '').replace(/([a-z])\1$/, '$1') : name
}

export function isFirstName(name: string): boolean {
  return groups.has(name)
}
