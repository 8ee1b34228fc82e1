/**
 * Frequency tables of names, compiled for this package from general knowledge of common names in
 * North Rhine-Westphalia (no third-party table is copied). Format: `name weight` pairs, by cohort of birth.
 */
function table(text: string): { names: string[]; weights: number[] } {
  const words = text.trim().split(/\s+/)
  const names: string[] = []
  const weights: number[] = []
  for (let at = 0; at < words.length; at += 2) {
    names.push(words[at] as string)
    weights.push(Number(words[at + 1]))
  }
  return { names, weights }
}

/** First names of women and men born before 1970, 1970–1989 and since 1990. */
export const firstNames = {
  female: [
    table(`Ursula 30 Monika 30 Petra 28 Sabine 30 Renate 26 Helga 22 Karin 24 Brigitte 24 Ingrid 20 Gabriele 22 Angelika 18 Birgit 20
      Christa 16 Gisela 16 Elke 14 Andrea 18 Heike 16 Susanne 18 Barbara 14 Elisabeth 16 Maria 18 Martina 16 Ulrike 12 Marion 12 Anna 8
      Margarete 8 Hannelore 8 Inge 8 Erika 8 Hildegard 8 Jutta 8 Cornelia 10 Claudia 14 Bärbel 5 Doris 8 Rita 7 Käthe 2 Fatma 4 Ayşe 3 Danuta 3`),
    table(`Nicole 26 Stefanie 24 Sandra 22 Melanie 20 Katrin 16 Anja 16 Tanja 14 Claudia 12 Daniela 16 Julia 20 Christina 16 Nadine 16
      Sabrina 12 Katharina 16 Jessica 10 Jennifer 10 Sarah 12 Anna 12 Silke 8 Yvonne 8 Simone 8 Kerstin 8 Anne 8 Sonja 8 Bianca 6 Miriam 6
      Eva 6 Verena 6 Vanessa 6 Britta 5 Özlem 3 Elif 3 Agnieszka 4 Svetlana 3 Thi 1 Chiara 1 Jana 6 Maike 3`),
    table(`Laura 18 Lena 20 Lisa 16 Anna 18 Sarah 14 Lea 16 Hannah 16 Marie 16 Julia 10 Sophie 14 Emma 14 Mia 14 Leonie 12 Johanna 8 Katharina 6
      Emilia 10 Lina 8 Clara 7 Luisa 7 Amelie 6 Paula 6 Charlotte 6 Nele 5 Maja 5 Finja 3 Zeynep 4 Elif 4 Fatima 3 Aylin 3 Zofia 2 Linh 2 Giulia 2
      Alina 6 Jana 6 Michelle 5 Antonia 4 Greta 4 Ida 4 Frieda 3`),
  ],
  male: [
    table(`Peter 30 Wolfgang 28 Michael 30 Werner 22 Klaus 26 Thomas 26 Manfred 22 Helmut 20 Jürgen 26 Heinz 18 Gerhard 16 Hans 20 Andreas 22
      Günter 16 Bernd 18 Rainer 14 Josef 12 Dieter 18 Frank 18 Karl 12 Horst 14 Uwe 14 Ralf 12 Joachim 12 Franz 8 Herbert 8 Walter 8 Norbert 10
      Ulrich 10 Stefan 12 Martin 10 Jörg 8 Detlef 6 Volker 6 Johannes 6 Mehmet 4 Mustafa 3 Giuseppe 2 Stanisław 1`),
    table(`Christian 24 Stefan 20 Michael 20 Sebastian 20 Markus 16 Daniel 20 Alexander 20 Tobias 16 Thomas 14 Jan 14 Andreas 12 Matthias 12
      Sven 10 Marcel 12 Patrick 12 Dennis 12 Marco 8 Florian 12 Oliver 8 Benjamin 10 Philipp 12 Martin 8 Christoph 10 Tim 8 Björn 6 Lars 6
      Carsten 5 Thorsten 6 Jörn 2 Murat 4 Ali 3 Piotr 3 Dmitri 2 Antonio 2 Fabian 8 Robert 5 Simon 6`),
    table(`Lukas 18 Leon 16 Finn 12 Jonas 16 Tim 12 Paul 14 Luca 12 Felix 12 Maximilian 14 Niklas 12 Jan 10 Ben 14 Noah 12 Elias 10 Julian 10
      Moritz 8 Luis 8 David 8 Philipp 8 Jannik 6 Tom 6 Emil 6 Anton 5 Oskar 4 Henri 5 Mats 3 Emre 4 Yusuf 4 Mohammed 4 Ali 3 Can 2 Minh 2 Matteo 3
      Kevin 6 Marvin 5 Fabian 6 Jonathan 4 Til 3 Jakob 5`),
  ],
} as const

export const surnames =
  table(`Müller 95 Schmidt 70 Schneider 42 Fischer 35 Meyer 33 Weber 32 Wagner 30 Schulz 28 Becker 30 Hoffmann 28 Schäfer 22
  Koch 22 Bauer 20 Richter 18 Klein 20 Wolf 18 Schröder 16 Neumann 16 Schwarz 14 Zimmermann 14 Braun 14 Krüger 14 Hofmann 12 Hartmann 14 Lange 12
  Schmitt 12 Werner 12 Schmitz 26 Krause 11 Meier 12 Lehmann 9 Schmid 8 Schulze 10 Maier 8 Köhler 10 Herrmann 10 König 10 Walter 9 Mayer 8 Huber 6
  Kaiser 10 Fuchs 9 Peters 12 Lang 8 Scholz 10 Möller 10 Weiß 9 Jung 9 Hahn 9 Schubert 8 Vogel 8 Friedrich 8 Keller 8 Günther 8 Frank 7 Berger 7
  Winkler 7 Roth 7 Beck 7 Lorenz 7 Baumann 7 Franke 6 Albrecht 6 Schuster 6 Simon 6 Ludwig 6 Böhm 5 Winter 6 Kraus 5 Martin 5 Schumacher 9 Krämer 8
  Vogt 6 Stein 6 Jäger 6 Otto 6 Sommer 6 Groß 6 Seidel 5 Heinrich 6 Brandt 6 Haas 5 Schreiber 5 Graf 5 Dietrich 5 Ziegler 5 Kuhn 5 Kühn 5 Pohl 5
  Engel 5 Horn 5 Busch 6 Bergmann 6 Thomas 4 Voigt 4 Sauer 5 Arnold 5 Wolff 5 Pfeiffer 5 Hansen 4 Janssen 6 Jansen 9 Heinen 5 Esser 5 Küpper 4
  Wirtz 4 Breuer 5 Hermanns 3 Theißen 2 Brüggemann 3 Westermann 4 Niehaus 3 Große 3 Schulte 8 Kemper 4 Kramer 5 Sander 4 Paul 4 Hübner 4 Wenzel 3
  Hesse 3 Kirchner 3 Reuter 4 Nowak 5 Kowalski 4 Wiśniewski 2 Yılmaz 6 Kaya 5 Demir 4 Şahin 4 Çelik 3 Öztürk 3 Arslan 3 Nguyen 4 Tran 2 Rossi 2
  Russo 2 Popović 2 Petrov 2 Ivanov 2 Hassan 2 Ahmed 2 Marx 3 Nolte 3 Rademacher 3 Lammers 3 Overbeck 2 Terhorst 1 Averkamp 1 Böttcher 4 Fröhlich 4
  Göbel 4 Hüsken 1 Jürgens 3 Löffler 3 Mühlbauer 1 Rösler 2 Süß 2 Strauß 2 Weißenfels 1`)

/** Parts of rarer compound surnames: the long tail that a short table would lack. */
export const surnameStarts =
  'Stein Berg Linden Eich Buch Haber Kirch Wald Sommer Winter Rosen Gold Silber Neu Alt Ober Unter Brink Dick Feld Korn Weid Tann Birken Oster Wester Nieder Hoch Rott Holt Grün Hell Kalten Klar Lauf Mühlen Rei Schön Tief Wiesen'.split(
    ' ',
  )
export const surnameEnds =
  'bach berg feld mann meier hoff kamp brock hausen stein thal brink müller schmidt heim beck au horst kötter wald rath ow ing born'.split(
    ' ',
  )

/** Short and everyday forms; a list of our own. */
export const nicknames: { readonly [name: string]: string } = Object.fromEntries(
  `Johannes Hans Hans Hansi Josef Sepp Ursula Uschi Elisabeth Lisa Margarete Grete Michael Micha Alexander Alex Maximilian Max Sebastian Basti
  Stefanie Steffi Katharina Kathi Christina Tina Christian Chris Andreas Andi Thomas Tom Wolfgang Wolle Manfred Manni Gabriele Gabi Angelika Geli
  Susanne Susi Martina Tina Benjamin Ben Matthias Matze Tobias Tobi Philipp Phil Daniel Dani Daniela Dani Nicole Nici Johanna Hanna Charlotte Lotte
  Jonathan Joni Bernd Bernie Brigitte Gitte Hildegard Hilde Hannelore Hanne Barbara Babsi Sabrina Bine Sabine Bine Melanie Mel Jessica Jessi
  Jennifer Jenny Klaus Kläuschen Günter Günni Ulrich Uli Ulrike Uli Joachim Jochen Florian Flo Fabian Fabi Leonie Leo Felix Lixi Vanessa Nessa`
    .trim()
    .split(/\s+/)
    .reduce<string[][]>((pairs, word, at, all) => {
      if (at % 2 === 0) pairs.push([word, all[at + 1] as string])
      return pairs
    }, []),
)

export type Ascii = 'ue' | 'u'

/** `Müller` → `Mueller` or `Muller`: how systems without umlauts write a name. */
export function withoutUmlauts(text: string, style: Ascii = 'ue'): string {
  const two: { [letter: string]: string } =
    style === 'ue'
      ? { ä: 'ae', ö: 'oe', ü: 'ue', Ä: 'Ae', Ö: 'Oe', Ü: 'Ue', ß: 'ss' }
      : { ä: 'a', ö: 'o', ü: 'u', Ä: 'A', Ö: 'O', Ü: 'U', ß: 'ss' }
  return text
    .replace(/[äöüÄÖÜß]/g, (letter) => two[letter] as string)
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replaceAll('ł', 'l')
    .replaceAll('Ł', 'L')
    .replaceAll('ı', 'i')
}

/** What becomes of UTF-8 text that a program read as Windows-1252. */
export function mojibake(text: string): string {
  return text.replace(/[äöüÄÖÜß]/g, (letter) =>
    Buffer.from(letter, 'utf8')
      .toString('latin1')
      .replace('\u009f', 'Ÿ')
      .replace('\u0084', '„')
      .replace('\u0096', '–')
      .replace('\u009c', 'œ'),
  )
}

/** The forty people of the small town, in the order of their ids. */
export const townPeople =
  'ada ben cem dana emil finn gül hans ida jan kira leo mia nils ole pia quirin rosa sami tom uli vera willi xenia yara zoe anton berta carla david ella fritz greta hugo ines jonas klara lars maja noah'.split(
    ' ',
  )
