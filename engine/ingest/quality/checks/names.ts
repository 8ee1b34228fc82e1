/**
 * The most frequent first names and surnames around our shops, folded (ä → ae, no accents). Only for telling swapped
 * fields; a name that is usual as both stands in neither list.
 */
const first =
  'anna anne maria marie sabine susanne petra monika andrea claudia karin birgit martina stefanie nicole julia katharina christine ursula renate gisela helga ingrid brigitte elisabeth barbara heike angelika gabriele melanie sandra anja tanja silke katrin kerstin sarah laura lisa lena hannah emma mia sophie sofia johanna franziska theresa veronika magdalena hans klaus juergen dieter uwe wolfgang bernd frank holger joerg matthias markus stefan andreas michael christian sebastian florian tobias philipp lukas jonas leon finn maximilian felix julian niklas jan tim alexander johannes josef franz georg heinz helmut manfred gerhard rainer giuseppe giovanni antonio francesco luca marco andrea giulia chiara francesca alessandra paola roberto salvatore vincenzo domenico james john robert william david richard thomas charles matthew jennifer patricia linda susan jessica margaret karen nancy emily olivia charlotte oliver jack harry reto beat urs ruedi sandro pascal yves nadine sylvie'.split(
    ' ',
  )
const last =
  'mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schaefer koch bauer richter klein wolf schroeder neumann schwarz zimmermann braun krueger hofmann hartmann lange schmitt werner schmitz krause meier lehmann schmid schulze maier koehler herrmann koenig walter mayer huber kaiser fuchs lang scholz moeller weiss jung hahn schubert vogel friedrich keller guenther frank berger winkler roth beck lorenz baumann franke albrecht schuster simon ludwig boehm winter kraus martin schumacher kraemer vogt stein jaeger otto sommer gross seidel heinrich brandt haas schreiber graf schulte dietrich ziegler kuhn kuehn pohl engel horn busch bergmann thomas voigt sauer arnold wolff pfeiffer gruber wimmer steiner moser hofer leitner pichler eder egger brunner aigner rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti costa giordano mancini rizzo lombardi moretti smith jones williams brown taylor davies evans wilson johnson roberts robinson wright thompson walker hughes edwards nguyen tran le pham hoang huynh phan vu vo dang bui ngo duong meier kunz graber frei zuercher gerber wyss baumgartner bachmann'.split(
    ' ',
  )

const both = new Set(first.filter((name) => last.includes(name)))
const asBoth = [
  'frank',
  'walter',
  'otto',
  'martin',
  'simon',
  'ludwig',
  'werner',
  'friedrich',
  'heinrich',
  'arnold',
  'thomas',
  'robert',
  'bruno',
  'wolf',
  'lorenz',
  'guenther',
  'dietrich',
  'albrecht',
  'romano',
  'marino',
  'franke',
  'david',
  'james',
  'charles',
  'richard',
  'jack',
  'georg',
  'franz',
  'josef',
  'klein',
  'lang',
  'lange',
]
for (const name of asBoth) both.add(name)

export const firstNames = new Set(first.filter((name) => !both.has(name)))
export const surnames = new Set(last.filter((name) => !both.has(name)))
