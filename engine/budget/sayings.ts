import { type Phrases, speaker } from '@einklang/contract'

/** What budget says about money spent; kept by code, said in the reader's language. */
export const budgetPhrases: Phrases = {
  defines_spend: {
    en: 'Spend as recorded (weekly amounts spread evenly over their days) beside revenue net of returns that the last known touch credits to the same channel. ROAS = credited revenue ÷ spend; it shows credit, not cause: what would have been sold anyway is in it.',
    de: 'Ausgaben wie gebucht (Wochenbeträge gleichmäßig auf ihre Tage verteilt) neben dem Umsatz abzüglich Retouren, den die letzte bekannte Berührung demselben Kanal zurechnet. ROAS = zugerechneter Umsatz ÷ Ausgaben; er zeigt Zurechnung, nicht Ursache: Was ohnehin verkauft worden wäre, ist enthalten.',
  },
  defines_roi: {
    en: 'Increment × margin − spend. The increment comes from the newest mix model whose checks allow its use, else from the last known touch, and each row says which. ROI = profit ÷ spend; marginal ROI is that of the next unit of spend.',
    de: 'Zuwachs × Marge − Ausgaben. Der Zuwachs kommt aus dem neuesten Mix-Modell, dessen Prüfungen das erlauben, sonst von der letzten bekannten Berührung; jede Zeile sagt, woher. ROI = Gewinn ÷ Ausgaben; der Grenz-ROI gilt für den nächsten Euro.',
  },
  defines_plan: {
    en: 'Planned spend per month beside what the ledger says; weekly amounts count by their days.',
    de: 'Geplante Ausgaben je Monat neben dem, was gebucht ist; Wochenbeträge zählen nach ihren Tagen.',
  },
  other_spend: {
    en: 'There is also spend in {currencies}; totals never mix currencies.',
    de: 'Es gibt auch Ausgaben in {currencies}; Summen mischen nie Währungen.',
  },
  nothing_credited: {
    en: 'No revenue has been credited yet: measurement has not been built.',
    de: 'Noch ist kein Umsatz zugerechnet: Die Wirkung ist noch nicht berechnet.',
  },
  no_costs: {
    en: 'No product has a cost, so profit cannot be told: give costs with the products.',
    de: 'Kein Artikel hat einen Einkaufspreis, also lässt sich kein Gewinn nennen: Einkaufspreise mit den Artikeln liefern.',
  },
  few_costs: {
    en: 'Only {share:percent} of sales are of products with a cost; the margin is theirs.',
    de: 'Nur {share:percent} des Verkaufs sind Artikel mit Einkaufspreis; die Marge ist ihre.',
  },
  credit_not_cause: {
    en: 'Where no mix model speaks, the increment is what attribution credits: it holds what would have been sold anyway.',
    de: 'Wo kein Mix-Modell spricht, ist der Zuwachs das Zugerechnete: Darin steckt, was ohnehin verkauft worden wäre.',
  },
  // Files of spend.
  unknown_file: { en: '{reason:said}', de: '{reason:said}' },
  unknown_file_do: {
    en: 'Choose the profile, or say which column is which.',
    de: 'Das Profil wählen oder die Spalten selbst zuordnen.',
  },
  no_header: {
    en: 'No line of the first twelve looks like a header with a day and a cost.',
    de: 'Keine der ersten zwölf Zeilen sieht aus wie eine Kopfzeile mit Tag und Kosten.',
  },
  no_header_of: {
    en: 'No line of the first twelve looks like a header of {profile}.',
    de: 'Keine der ersten zwölf Zeilen sieht aus wie eine Kopfzeile von {profile}.',
  },
  columns_missing: {
    en: 'No line of the first twelve has the columns {columns}.',
    de: 'Keine der ersten zwölf Zeilen hat die Spalten {columns}.',
  },
  no_mapping: {
    en: 'There is no saved mapping “{name}”.',
    de: 'Eine gespeicherte Zuordnung „{name}“ gibt es nicht.',
  },
  no_mapping_do: { en: 'Choose another, or assign the columns.', de: 'Eine andere wählen oder die Spalten zuordnen.' },
  no_channel: { en: 'channel is missing', de: 'der Kanal fehlt' },
  bad_currency: { en: 'currency {given} is no ISO 4217 code', de: 'Währung {given} ist kein Code nach ISO 4217' },
  bad_day: {
    en: 'day {given} is no date (2026-03-02 or 02.03.2026)',
    de: 'Tag {given} ist kein Datum (2026-03-02 oder 02.03.2026)',
  },
  no_day: { en: 'day and week are both missing', de: 'Tag und Woche fehlen beide' },
  bad_week: {
    en: 'week {given} is no week (2026-W10, KW 10/2026 or the date of its Monday)',
    de: 'Woche {given} ist keine Woche (2026-W10, KW 10/2026 oder das Datum ihres Montags)',
  },
  no_amount: { en: 'amount is missing', de: 'der Betrag fehlt' },
  bad_amount: { en: 'amount {given} is no amount', de: 'Betrag {given} ist keine Zahl' },
  two_amounts: {
    en: 'amount {given} can be read in two ways; say in the mapping which decimal sign the file uses',
    de: 'Betrag {given} lässt sich auf zwei Arten lesen; in der Zuordnung das Dezimalzeichen der Datei angeben',
  },
  negative_amount: {
    en: 'amount {given} is negative; enter a credit as a lower amount of the same day',
    de: 'Betrag {given} ist negativ; eine Gutschrift als niedrigeren Betrag desselben Tages eingeben',
  },
  large_amount: {
    en: 'amount {given} is too large ({decimals} decimals)',
    de: 'Betrag {given} ist zu groß ({decimals} Nachkommastellen)',
  },
  no_count: { en: '{field} {given} is no whole number', de: '{field} {given} ist keine ganze Zahl' },
  same_line: {
    en: 'the same day, channel, campaign and region stand in row {row} with other figures',
    de: 'derselbe Tag, Kanal, dieselbe Kampagne und Region stehen in Zeile {row} mit anderen Zahlen',
  },
  entry_exists: { en: 'This amount already stands in the ledger.', de: 'Dieser Betrag ist schon gebucht.' },
  entry_exists_do: { en: 'Enter another amount to correct it.', de: 'Zum Korrigieren einen anderen Betrag eingeben.' },
  // Reach and frequency.
  defines_reach: {
    en: 'Persons met in the period and how often. E-mail, text, push, letter and call: messages that arrived, on the day they did; other channels whose persons are known: visits, scans and talks that they brought. Each person counts once, counted, not estimated. Radio, TV, posters and platforms: as planned, aired or told. Who came by themselves is no contact of ours.',
    de: 'Personen, die im Zeitraum erreicht wurden, und wie oft. E-Mail, SMS, Push, Brief und Anruf: zugestellte Nachrichten, am Tag der Zustellung; andere Kanäle, deren Personen bekannt sind: Besuche, Scans und Gespräche, die sie brachten. Jede Person zählt einmal, gezählt, nicht geschätzt. Radio, TV, Plakate und Plattformen: wie geplant, gesendet oder berichtet. Wer von selbst kam, ist kein Kontakt von uns.',
  },
  reach_beyond: {
    en: '{count} lines of the media plan reach beyond the period; they count whole, because reach cannot be divided by days.',
    de: '{count} Zeilen des Mediaplans reichen über den Zeitraum hinaus; sie zählen ganz, weil sich Reichweite nicht nach Tagen teilen lässt.',
  },
  reach_devices: {
    en: '{share:percent} of the persons are known by a device alone: somebody with two of them counts twice.',
    de: '{share:percent} der Personen sind nur durch ein Gerät bekannt: Wer zwei hat, zählt doppelt.',
  },
  reach_no_population: {
    en: 'How many people there are to reach is not known: neither rating points nor what channels share can be told. Give a number of people, or populations in the media plan.',
    de: 'Wie viele Menschen zu erreichen sind, ist nicht bekannt: Weder Rating-Punkte noch Überschneidungen lassen sich nennen. Eine Zahl von Menschen angeben, oder Grundgesamtheiten im Mediaplan.',
  },
  reach_small_population: {
    en: 'More people were reached, or stand in the media plan, than were said to be there; {population} are taken.',
    de: 'Es wurden mehr Menschen erreicht, oder stehen im Mediaplan, als es geben soll; gerechnet wird mit {population}.',
  },
  reach_contacts_only: {
    en: 'Of some channels only contacts are known (impressions, circulation): how many persons these are, and how often each, nobody told.',
    de: 'Von einigen Kanälen sind nur Kontakte bekannt (Einblendungen, Auflage): Wie viele Personen das sind, und wie oft jede, hat niemand gesagt.',
  },
  reach_independent: {
    en: 'Where persons are not known, channels are taken to meet people independently of each other. The true figure lies between the bounds: all share their people, or nobody is shared.',
    de: 'Wo Personen nicht bekannt sind, gelten Kanäle als unabhängig voneinander. Der wahre Wert liegt zwischen den Grenzen: Alle erreichen dieselben, oder niemand wird doppelt erreicht.',
  },
  reach_regions: {
    en: 'Regions of different names are taken as different people.',
    de: 'Regionen mit verschiedenen Namen gelten als verschiedene Menschen.',
  },
  two_outside: {
    en: '{vehicle}: the reach of two insertions must lie between {low:percent} and {high:percent}; people are taken to see it by chance, without habit.',
    de: '{vehicle}: Die Reichweite von zwei Schaltungen muss zwischen {low:percent} und {high:percent} liegen; gerechnet wird, als sähe man sie zufällig, ohne Gewohnheit.',
  },
  two_unknown: {
    en: 'The reach of two insertions is not known: reach is told as if people saw it by chance, so it is at most this.',
    de: 'Die Reichweite von zwei Schaltungen ist nicht bekannt: Gerechnet wird, als sähe man sie zufällig; die Reichweite ist also höchstens so groß.',
  },
  two_as_others: {
    en: 'The reach of two insertions is not known: taken as with your other lines of this channel.',
    de: 'Die Reichweite von zwei Schaltungen ist nicht bekannt: angenommen wie bei Ihren anderen Zeilen dieses Kanals.',
  },
  told_contradicts: {
    en: 'Contacts and persons as told contradict each other: more persons than contacts, or than people.',
    de: 'Kontakte und Personen laut Bericht widersprechen sich: mehr Personen als Kontakte, oder als Menschen.',
  },
  told_even: {
    en: 'Contacts lie more evenly on persons than by chance, as with a frequency cap; what more of them would reach cannot be told.',
    de: 'Die Kontakte verteilen sich gleichmäßiger auf Personen als zufällig, wie bei einer Kontaktbegrenzung; was mehr davon erreichten, lässt sich nicht sagen.',
  },
  told_by_days: {
    en: 'Persons are told for {lines} days or weeks each; together they are at least the largest of them, and at most their sum.',
    de: 'Personen sind für {lines} Tage oder Wochen einzeln berichtet; zusammen sind es mindestens die der größten Zeile und höchstens ihre Summe.',
  },
  ends_before: { en: 'ends before it begins on {starts}', de: 'endet vor dem Beginn am {starts}' },
  two_without_one: {
    en: 'the reach of two insertions says nothing without that of one',
    de: 'die Reichweite von zwei Schaltungen sagt nichts ohne die von einer',
  },
  whose_share: {
    en: 'a reach in percent needs the number of people it is a share of',
    de: 'eine Reichweite in Prozent braucht die Zahl der Menschen, von denen sie ein Anteil ist',
  },
  more_than_people: {
    en: '{persons} persons are more than the {population} people there are',
    de: '{persons} Personen sind mehr als die {population} Menschen, die es gibt',
  },
  more_than_contacts: {
    en: '{persons} persons cannot have {contacts} contacts together',
    de: '{persons} Personen können nicht zusammen {contacts} Kontakte haben',
  },
  no_share: {
    en: '{given} is no share of people (30 % or 0.3)',
    de: '{given} ist kein Anteil von Menschen (30 % oder 0,3)',
  },
  nobody_there: { en: 'a population of 0: nobody can be reached', de: 'Grundgesamtheit 0: niemand ist zu erreichen' },
  same_media_line: {
    en: 'the same days, channel, campaign, vehicle and region stand in row {row}',
    de: 'dieselben Tage, derselbe Kanal, dieselbe Kampagne, derselbe Träger und dieselbe Region stehen in Zeile {row}',
  },
  no_media_header: {
    en: 'No line of the first twelve looks like the header of a media plan: a day and two more known columns such as vehicle, insertions, reach_1, population, contacts.',
    de: 'Keine der ersten zwölf Zeilen sieht aus wie die Kopfzeile eines Mediaplans: ein Tag und zwei weitere bekannte Spalten wie Sender, Schaltungen, Reichweite 1, Zielgruppe, Kontakte.',
  },
  bad_media_line: { en: 'This line cannot be: {reason:said}.', de: 'Diese Zeile kann nicht sein: {reason:said}.' },
  bad_media_line_do: { en: 'Correct the figure.', de: 'Den Wert berichtigen.' },
  no_media_line: {
    en: 'This line does not stand in the media plan any more.',
    de: 'Diese Zeile steht nicht mehr im Mediaplan.',
  },
  // Advice.
  no_fit: {
    en: 'There is no mix model whose checks allow its use.',
    de: 'Es gibt kein Mix-Modell, dessen Prüfungen seine Nutzung erlauben.',
  },
  no_fit_do: { en: 'Fit one under Measurement → Mix model.', de: 'Unter Wirkung → Mix-Modell eines anpassen.' },
  blocked_fit: {
    en: 'The checks of this mix model forbid its use: {check:said}',
    de: 'Die Prüfungen dieses Mix-Modells verbieten seine Nutzung: {check:said}',
  },
  blocked_fit_do: { en: 'Choose another fit.', de: 'Ein anderes Modell wählen.' },
  infeasible: {
    en: 'The least amounts of these channels are more than the total: {channels}.',
    de: 'Die Mindestbeträge dieser Kanäle übersteigen die Summe: {channels}.',
  },
  infeasible_do: {
    en: 'Lower the least of {channels}, or raise the total.',
    de: 'Die Mindestbeträge von {channels} senken oder die Summe erhöhen.',
  },
  no_proposal: {
    en: 'There is no proposal with this number.',
    de: 'Einen Vorschlag mit dieser Nummer gibt es nicht.',
  },
  applied_before: { en: 'This proposal stands in the plan already.', de: 'Dieser Vorschlag steht schon im Plan.' },
  not_approved: { en: 'Nobody has approved this proposal.', de: 'Niemand hat diesen Vorschlag freigegeben.' },
  not_approved_do: {
    en: 'Ask for approval; somebody else decides under Settings → Approvals.',
    de: 'Freigabe erbitten; jemand anders entscheidet unter Einstellungen → Freigaben.',
  },
  // Tests.
  not_monday: {
    en: 'A test begins on a Monday: sales and spend are compared in whole weeks.',
    de: 'Ein Test beginnt an einem Montag: Umsatz und Ausgaben werden in ganzen Wochen verglichen.',
  },
  not_monday_do: { en: 'Begin on {monday}.', de: 'Am {monday} beginnen.' },
  nothing_to_pause: {
    en: 'The newest mix model knows no spend of this channel: there is nothing to pause.',
    de: 'Das neueste Mix-Modell kennt keine Ausgaben dieses Kanals: Es gibt nichts auszusetzen.',
  },
  nothing_to_pause_do: {
    en: 'Choose a channel of the mix model.',
    de: 'Einen Kanal des Mix-Modells wählen.',
  },
  test_beside: {
    en: 'Another test of this channel is planned in these weeks.',
    de: 'In diesen Wochen ist schon ein Test dieses Kanals geplant.',
  },
  test_beside_do: {
    en: 'Choose other weeks, or drop the other one.',
    de: 'Andere Wochen wählen oder den anderen streichen.',
  },
  sure_result: {
    en: 'No test finds a result without any uncertainty.',
    de: 'Kein Test findet ein Ergebnis ohne jede Unsicherheit.',
  },
  sure_result_do: {
    en: 'Give its 90 % interval; einklang lift --geo computes it.',
    de: 'Sein 90-%-Intervall angeben; einklang lift --geo berechnet es.',
  },
  no_pause: {
    en: 'The ledger shows no less spend on this channel in these weeks than in those before: nothing paused.',
    de: 'Gebucht ist für diesen Kanal in diesen Wochen nicht weniger als in denen davor: Nichts hat pausiert.',
  },
  no_pause_do: {
    en: 'Correct the spend of these weeks under Entries; where the money went to other regions, write the result down under Measurement → Lift.',
    de: 'Die Ausgaben dieser Wochen unter Buchungen berichtigen; ging das Geld in andere Regionen, das Ergebnis unter Wirkung → Lift notieren.',
  },
  pause_nowhere: {
    en: 'No order lies in these regions: neither a store stands there nor does a customer with a known address live there. Write regions as towns, first digits of postal codes, or stores; or tell the result by hand.',
    de: 'In diesen Regionen liegt keine Bestellung: Weder steht dort ein Laden, noch wohnt dort jemand mit bekannter Adresse. Schreiben Sie Regionen als Orte, erste Ziffern von Postleitzahlen oder Läden, oder tragen Sie das Ergebnis von Hand ein.',
  },
  pause_unknown: {
    en: 'Of only {covered:percent} of revenue the region is known: too little to tell. Addresses of stores and customers would help; or tell the result by hand.',
    de: 'Nur für {covered:percent} des Umsatzes ist die Region bekannt: zu wenig für ein Ergebnis. Adressen von Läden und Kundschaft würden helfen; oder tragen Sie das Ergebnis von Hand ein.',
  },
  pause_everywhere: {
    en: 'The pause was everywhere, so there is nothing to compare it with. Next time leave some regions out.',
    de: 'Die Pause galt überall, also fehlt der Vergleich. Lassen Sie beim nächsten Mal einige Regionen aus.',
  },
  pause_short: {
    en: 'Orders before the pause reach back {weeks} of the {needed} weeks that it takes to know how regions move together; tell the result by hand.',
    de: 'Die Bestellungen vor der Pause reichen {weeks} von {needed} Wochen zurück, die es braucht, um zu wissen, wie Regionen gemeinsam schwanken; tragen Sie das Ergebnis von Hand ein.',
  },
  pause_unlike: {
    en: 'Before the pause the other regions explained the paused ones badly: off by {error:percent} on average. Larger regions would fit better.',
    de: 'Vor der Pause erklärten die anderen Regionen die pausierten schlecht: im Mittel um {error:percent} daneben. Größere Regionen würden besser passen.',
  },
  pause_apart: {
    en: 'A second method (synthetic control) contradicts this result: read it with care.',
    de: 'Ein zweites Verfahren (synthetische Kontrolle) widerspricht diesem Ergebnis: mit Vorsicht lesen.',
  },
  pause_scaled: {
    en: 'The region is known of {covered:percent} of revenue; the rest is taken to have changed alike.',
    de: 'Die Region ist für {covered:percent} des Umsatzes bekannt; vom Rest wird angenommen, dass er sich ebenso verändert hat.',
  },
  no_test: {
    en: 'There is no such test, or it was dropped.',
    de: 'Diesen Test gibt es nicht, oder er ist gestrichen.',
  },
  test_runs: { en: 'The test runs until {ends}.', de: 'Der Test läuft bis {ends}.' },
  test_runs_do: { en: 'Read it after its last day.', de: 'Nach seinem letzten Tag ablesen.' },
  no_spend: { en: 'No channel of the mix model has spend.', de: 'Kein Kanal des Mix-Modells hat Ausgaben.' },
}

export const said = speaker(budgetPhrases)
