import { type Json, kept, keptParts, type Phrases, type Route, speaker } from '@einklang/contract'
import { languageOf, mount, Refusal } from '@einklang/platform'

/** What measurement says about its figures; kept by code, said in the reader's language. */
export const measurementPhrases: Phrases = {
  // Definitions of figures.
  defines_attribution: {
    en: 'Orders and receipts of all channels, net of returns within 60 days, credited to the touches of the same person in the 90 days before (letter 60, catalogue 120), split at orders. Intervals: 90 %, over persons.',
    de: 'Bestellungen und Bons aller Kanäle, abzüglich Retouren binnen 60 Tagen, zugerechnet den Berührungen derselben Person in den 90 Tagen davor (Brief 60, Katalog 120), getrennt an Bestellungen. Intervalle: 90 %, über Personen.',
  },
  defines_weeks: {
    en: 'Revenue net of returns by the week of the order; credited revenue covers orders with at least one touch. {model:said}',
    de: 'Umsatz abzüglich Retouren nach der Woche der Bestellung; zugerechneter Umsatz umfasst Bestellungen mit mindestens einer Berührung. {model:said}',
  },
  defines_journey: {
    en: 'Every order of this customer with the touches in the 90 days before it (letter 60, catalogue 120) and who got the credit.',
    de: 'Jede Bestellung dieser Person mit den Berührungen der 90 Tage davor (Brief 60, Katalog 120) und wem sie zugerechnet wird.',
  },
  defines_paths: {
    en: 'Channels before an order, equal neighbours taken together; paths without an order count when their last touch lies in the period.',
    de: 'Kanäle vor einer Bestellung, gleiche Nachbarn zusammengefasst; Wege ohne Bestellung zählen, wenn ihre letzte Berührung im Zeitraum liegt.',
  },
  defines_journeys: {
    en: 'Channels of a person before each order, equal neighbours taken together; ways without an order count when their last touch lies in the period. Times are from touch to touch.',
    de: 'Kanäle einer Person vor jeder Bestellung, gleiche Nachbarn zusammengefasst; Wege ohne Bestellung zählen, wenn ihre letzte Berührung im Zeitraum liegt. Zeiten gelten von Berührung zu Berührung.',
  },
  defines_customers: {
    en: 'From the days on which known customers bought, in all channels, the model learns how often each buys and who has stopped; the value is the revenue expected in the next 52 weeks, later money discounted by 10 % a year. 90 % intervals from imagined futures of each customer.',
    de: 'Aus den Kauftagen bekannter Kundschaft in allen Kanälen lernt das Modell, wie oft jede Person kauft und wer aufgehört hat; der Wert ist der erwartete Umsatz der nächsten 52 Wochen, späteres Geld mit 10 % im Jahr abgezinst. 90-%-Intervalle aus vorgestellten Zukünften jeder Person.',
  },
  defines_experiments: {
    en: 'Orders of the 28 days after a person was assigned, everybody assigned counts, reached or not. Difference to the control group with 90 % interval.',
    de: 'Bestellungen der 28 Tage nach der Zuteilung; alle Zugeteilten zählen, ob erreicht oder nicht. Unterschied zur Kontrollgruppe mit 90-%-Intervall.',
  },
  defines_products: {
    en: 'Units sold and views of the period, before returns. Corrected: each place’s units divided by the share of its demand that found the article in stock, a day counting as much as the place sold that day; a stock report holds until the next. 90 % interval by the number of sales.',
    de: 'Verkaufte Stück und Ansichten des Zeitraums, vor Retouren. Bereinigt: die Stück jedes Ortes, geteilt durch den Anteil seiner Nachfrage, der den Artikel vorrätig fand; ein Tag zählt so viel, wie der Ort an ihm verkauft hat, und eine Bestandsmeldung gilt bis zur nächsten. 90-%-Intervall nach der Zahl der Verkäufe.',
  },
  // What to keep in mind.
  not_built: {
    en: 'Nothing has been computed yet; the first build starts within five minutes.',
    de: 'Noch ist nichts berechnet; die erste Berechnung beginnt binnen fünf Minuten.',
  },
  other_currencies: {
    en: 'Orders in {currencies} are not in these figures; currencies are never added up.',
    de: 'Bestellungen in {currencies} sind nicht enthalten; Währungen werden nie addiert.',
  },
  only_some_rows: {
    en: 'Markov and Shapley are computed for channels, campaigns and messages.',
    de: 'Markov und Shapley werden für Kanäle, Kampagnen und Nachrichten berechnet.',
  },
  few_orders: {
    en: 'Only {count} orders in this period: read the shares as a hint.',
    de: 'Nur {count} Bestellungen in diesem Zeitraum: Die Anteile sind ein Hinweis, mehr nicht.',
  },
  few_paths: {
    en: 'Only {count} paths in this period: read the flows as a hint.',
    de: 'Nur {count} Wege in diesem Zeitraum: Die Ströme sind ein Hinweis, mehr nicht.',
  },
  stood_otherwise: {
    en: 'With what was known on {at:when}, this period stood at {revenue} from {orders} orders (report {report}). Returns, late receipts, merges of persons or other rules have made it {revenueNow} from {ordersNow}.',
    de: 'Mit dem Wissen vom {at:when} stand dieser Zeitraum bei {revenue} aus {orders} Bestellungen (Bericht {report}). Durch Retouren, späte Bons, zusammengeführte Personen oder andere Regeln sind es nun {revenueNow} aus {ordersNow}.',
  },
  one_channel: {
    en: 'There is only one channel, so nothing can be compared.',
    de: 'Es gibt nur einen Kanal, also nichts zu vergleichen.',
  },
  drifted_less: {
    en: 'In the last {weeks} weeks customers bought {share:percent} less than their history let expect: read the values with care.',
    de: 'In den letzten {weeks} Wochen wurde {share:percent} weniger gekauft, als die Vorgeschichte erwarten ließ: Die Werte sind mit Vorsicht zu lesen.',
  },
  drifted_more: {
    en: 'In the last {weeks} weeks customers bought {share:percent} more than their history let expect: read the values with care.',
    de: 'In den letzten {weeks} Wochen wurde {share:percent} mehr gekauft, als die Vorgeschichte erwarten ließ: Die Werte sind mit Vorsicht zu lesen.',
  },
  no_worth: {
    en: 'Too few customers paid for a second purchase to learn what they spend.',
    de: 'Zu wenige haben ein zweites Mal gekauft, um zu lernen, wie viel sie ausgeben.',
  },
  boundless_spend: {
    en: 'A few customers spend so much that the average has no limit; expected values are left out.',
    de: 'Einige wenige geben so viel aus, dass der Durchschnitt keine Grenze hat; erwartete Werte fehlen deshalb.',
  },
  nobody_stops: {
    en: 'Nobody seems to stop for good in this data, so the chance to be alive says nothing.',
    de: 'In diesen Daten scheint niemand für immer aufzuhören; die Chance, noch zu kaufen, sagt deshalb nichts.',
  },
  one_rate: {
    en: 'All customers seem to buy at the same rate.',
    de: 'Alle scheinen im selben Takt zu kaufen.',
  },
  no_rest: { en: 'The search did not come to rest.', de: 'Die Suche kam nicht zur Ruhe.' },
  model_smallest_aic: {
    en: '{model} explains the data best (smallest AIC of {models} models).',
    de: '{model} erklärt die Daten am besten (kleinstes AIC von {models} Modellen).',
  },
  model_smallest_aic_part: {
    en: '{model} explains the data best (smallest AIC of {models} models, each learnt from every eighth history and judged on all).',
    de: '{model} erklärt die Daten am besten (kleinstes AIC von {models} Modellen, jedes gelernt an jeder achten Kaufgeschichte und beurteilt an allen).',
  },
  model_instead: {
    en: '{asked} does not fit: {edge:said} {model} explains the data without that.',
    de: '{asked} passt nicht: {edge:said} {model} erklärt die Daten auch ohne das.',
  },
  too_few_customers: {
    en: '{count} known customers are too few to learn from; {needed} are needed.',
    de: '{count} bekannte Kundinnen und Kunden sind zu wenige, um daraus zu lernen; nötig sind {needed}.',
  },
  no_stock_history: {
    en: 'No stock has been reported, so nothing is corrected: the figures are what was sold, not what was wanted.',
    de: 'Es wurde kein Bestand gemeldet, also ist nichts bereinigt: Die Zahlen zeigen, was verkauft, nicht was gewünscht wurde.',
  },
  short_stock_history: {
    en: 'Stock reports begin on {day}, after the period does: {corrected} of {count} rows can be corrected, the others show what was sold.',
    de: 'Die Bestandsmeldungen beginnen am {day}, nach dem Beginn des Zeitraums: {corrected} von {count} Zeilen sind bereinigt, die anderen zeigen das Verkaufte.',
  },
  part_stock_history: {
    en: '{known} of {count} articles have a stock history; the others show what was sold.',
    de: '{known} von {count} Artikeln haben eine Bestandsgeschichte; die anderen zeigen das Verkaufte.',
  },
  // Experiments.
  arms_moved: {
    en: 'Somebody or something moved persons between the arms; find out before reading the result.',
    de: 'Irgendetwas hat Personen zwischen den Gruppen verschoben; das ist zu klären, bevor das Ergebnis gilt.',
  },
  no_buyers: {
    en: 'Nobody has bought yet, so nothing can be said about the effect.',
    de: 'Noch hat niemand gekauft, also lässt sich über die Wirkung nichts sagen.',
  },
  few_buyers: {
    en: 'Only {count} buyers so far: read this as a hint.',
    de: 'Bisher nur {count} Kaufende: ein Hinweis, mehr nicht.',
  },
  no_control: {
    en: 'There is no control group, so nothing can be compared.',
    de: 'Es gibt keine Kontrollgruppe, also nichts zu vergleichen.',
  },
  small_arm: { en: 'An arm has fewer than two persons.', de: 'Eine Gruppe hat weniger als zwei Personen.' },
  lift_method: {
    en: 'Revenue of the {days} days after assignment; Welch interval after taking off what revenue of the {before} days before explains ({shrinks:percent} of the noise); buyers by Newcombe’s score interval.',
    de: 'Umsatz der {days} Tage nach der Zuteilung; Welch-Intervall, nachdem abgezogen ist, was der Umsatz der {before} Tage davor erklärt ({shrinks:percent} des Rauschens); Kaufende mit Newcombes Score-Intervall.',
  },
  arms_as_planned: {
    en: 'The arms were filled as planned: {arms:said}.',
    de: 'Die Gruppen sind gefüllt wie geplant: {arms:said}.',
  },
  arms_not_as_planned: {
    en: 'The arms were not filled as planned: {arms:said}; chance does this in {chance} of cases.',
    de: 'Die Gruppen sind nicht gefüllt wie geplant: {arms:said}; der Zufall tut das in {chance} der Fälle.',
  },
  arms_of_holdout: {
    en: 'held out {control} (planned {ofControl}), treated {treated} (planned {ofTreated})',
    de: 'zurückgehalten {control} (geplant {ofControl}), angesprochen {treated} (geplant {ofTreated})',
  },
  all_campaigns: { en: 'All campaigns', de: 'Alle Kampagnen' },
  why_untouchable: {
    en: 'No touch of a person can prove this channel: credit is always nothing, only the experiment can tell.',
    de: 'Keine Berührung einer Person kann diesen Kanal belegen: Zugerechnet wird immer nichts, nur das Experiment kann es sagen.',
  },
  why_everything: {
    en: 'The experiment compares people who get all campaigns with people who get none; no single credit corresponds to it.',
    de: 'Das Experiment vergleicht Menschen mit allen Kampagnen und Menschen ganz ohne; ihm entspricht keine einzelne Zurechnung.',
  },
  why_no_touches: {
    en: 'No touch of these days bears this name, so there is no credit to compare.',
    de: 'Keine Berührung dieser Tage trägt diesen Namen, also gibt es keine Zurechnung zum Vergleichen.',
  },
  why_anyway: {
    en: '{what:said} is credited with more than the experiment allows: at least {anyway:percent} of the credited revenue would have come without it. Credit shows who was there, not what changed.',
    de: '{what:said} bekommt mehr zugerechnet, als das Experiment erlaubt: mindestens {anyway:percent} des zugerechneten Umsatzes wären auch so gekommen. Zurechnung zeigt, wer dabei war, nicht, was sich änderte.',
  },
  why_on_their_way: {
    en: '{what:said} stands at the end of ways that had begun elsewhere: at least {anyway:percent} of the credited revenue would have come without it.',
    de: '{what:said} steht am Ende von Wegen, die woanders begannen: mindestens {anyway:percent} des zugerechneten Umsatzes wären auch so gekommen.',
  },
  why_unseen: {
    en: '{what:said} works where no touch shows it: orders in stores, on other devices or weeks later. The models credit less than the experiment finds at least.',
    de: '{what:said} wirkt, wo keine Berührung es zeigt: in Filialen, auf anderen Geräten oder Wochen später. Die Modelle rechnen weniger zu, als das Experiment mindestens findet.',
  },
  why_wide: {
    en: 'The experiment cannot tell yet: its interval holds both nothing and what the models credit to {what:said}.',
    de: 'Das Experiment kann es noch nicht sagen: Sein Intervall umfasst sowohl nichts als auch, was die Modelle {what:said} zurechnen.',
  },
  why_agree: {
    en: 'The credit of all models lies inside the interval of the experiment: they do not contradict each other about {what:said}.',
    de: 'Was alle Modelle zurechnen, liegt im Intervall des Experiments: Über {what:said} widersprechen sie sich nicht.',
  },
  why_some_agree: {
    en: 'Of {of} models {models} credit {what:said} with what the experiment allows; believe those rather than the others.',
    de: 'Von {of} Modellen rechnen {models} {what:said} so viel zu, wie das Experiment erlaubt; ihnen ist eher zu glauben.',
  },
  // Models.
  first: { en: 'First touch', de: 'Erste Berührung' },
  first_means: {
    en: 'All credit to the touch that began the path.',
    de: 'Alles der Berührung, mit der der Weg begann.',
  },
  last: { en: 'Last touch', de: 'Letzte Berührung' },
  last_means: {
    en: 'All credit to the touch just before the order, visits of her own accord included.',
    de: 'Alles der Berührung direkt vor der Bestellung, Besuche aus eigenem Antrieb eingeschlossen.',
  },
  last_nondirect: { en: 'Last known touch', de: 'Letzte bekannte Berührung' },
  last_nondirect_means: {
    en: 'All credit to the last touch that is neither a direct visit nor the visit to the store itself.',
    de: 'Alles der letzten Berührung, die weder ein direkter Besuch noch der Gang in die Filiale selbst ist.',
  },
  linear: { en: 'Linear', de: 'Linear' },
  linear_means: {
    en: 'Every touch of the path gets the same share.',
    de: 'Jede Berührung des Weges bekommt denselben Anteil.',
  },
  position: { en: 'Position (40/20/40)', de: 'Position (40/20/40)' },
  position_means: {
    en: '40 % to the first touch, 40 % to the last, 20 % to those between; short paths share equally.',
    de: '40 % der ersten Berührung, 40 % der letzten, 20 % denen dazwischen; kurze Wege teilen gleich.',
  },
  position_w: { en: 'Position (30/30/30/10)', de: 'Position (30/30/30/10)' },
  position_w_means: {
    en: '30 % to the first touch, 30 % to the touch half-way, 30 % to the last, 10 % to the others; short paths share equally.',
    de: '30 % der ersten Berührung, 30 % der auf halbem Weg, 30 % der letzten, 10 % den übrigen; kurze Wege teilen gleich.',
  },
  decay: { en: 'Time decay', de: 'Zeitverfall' },
  decay_means: {
    en: 'A touch counts half for every 7 days that lie between it and the last touch.',
    de: 'Eine Berührung zählt die Hälfte je 7 Tage, die zwischen ihr und der letzten liegen.',
  },
  markov: { en: 'Markov chain', de: 'Markow-Kette' },
  markov_means: {
    en: 'Share of orders that would be lost if everybody who meets the channel left there, from the exact chain of all paths, those without an order included. The chain remembers as many touches as asked for.',
    de: 'Anteil der Bestellungen, die verloren gingen, wenn alle, die dem Kanal begegnen, dort abbrächen; aus der exakten Kette aller Wege, auch derer ohne Bestellung. Die Kette merkt sich so viele Berührungen, wie verlangt.',
  },
  shapley: { en: 'Shapley value', de: 'Shapley-Wert' },
  shapley_means: {
    en: 'Each path shares its order equally among its different channels.',
    de: 'Jeder Weg teilt seine Bestellung gleich unter seinen verschiedenen Kanälen.',
  },
  differs: {
    en: '{name:said} gets {high:percent} by {highModel:said} and {low:percent} by {lowModel:said}{reason:said}',
    de: '{name:said} bekommt {high:percent} nach {highModel:said} und {low:percent} nach {lowModel:said}{reason:said}',
  },
  differs_plain: { en: '.', de: '.' },
  differs_begins: {
    en: ': it begins paths more often than it ends them.',
    de: ': beginnt Wege öfter, als der Kanal sie beendet.',
  },
  differs_ends: {
    en: ': it ends paths more often than it begins them.',
    de: ': beendet Wege öfter, als der Kanal sie beginnt.',
  },
  differs_own_accord: {
    en: ': it is mostly visits of their own accord.',
    de: ': das sind meist Besuche aus eigenem Antrieb.',
  },
  differs_returns: {
    en: ': people come back by themselves after it.',
    de: ': danach kommen die Leute von selbst wieder.',
  },
  differs_needed: { en: ': many paths would break without it.', de: ': viele Wege brächen ohne ihn ab.' },
  differs_replaceable: {
    en: ': most of these orders would find another way.',
    de: ': die meisten dieser Bestellungen fänden einen anderen Weg.',
  },
  differs_middle: { en: ': it stands in the middle of paths.', de: ': er steht in der Mitte der Wege.' },
  // Why an order was credited.
  no_touch: {
    en: 'No touch is known in the days before, so no channel gets the credit.',
    de: 'In den Tagen davor ist keine Berührung bekannt, also bekommt kein Kanal die Bestellung zugerechnet.',
  },
  own_accord: {
    en: 'Came by themselves ({what:said}): no campaign touch is known in the days before.',
    de: 'Kam von selbst ({what:said}): In den Tagen davor ist keine Berührung einer Kampagne bekannt.',
  },
  credited: {
    en: '{what:said} got the credit: the last known touch, {kind:said} {when:said}.',
    de: '{what:said} bekommt die Bestellung zugerechnet: die letzte bekannte Berührung, {kind:said} {when:said}.',
  },
  with_campaign: { en: '{media:said} “{campaign}”', de: '{media:said} „{campaign}“' },
  same_day: { en: 'the same day', de: 'am selben Tag' },
  day_before: { en: 'the day before', de: 'am Tag davor' },
  days_before: { en: '{days} days before', de: '{days} Tage davor' },
  kind_click: { en: 'clicked', de: 'angeklickt' },
  kind_open: { en: 'opened', de: 'geöffnet' },
  kind_visit: { en: 'visited', de: 'besucht' },
  kind_delivered: { en: 'delivered', de: 'zugestellt' },
  kind_sent: { en: 'sent', de: 'gesendet' },
  kind_call: { en: 'called', de: 'angerufen' },
  kind_scan: { en: 'scanned', de: 'gescannt' },
  kind_conversation: { en: 'wrote to us', de: 'schrieb uns' },
  'kind_store visit': { en: 'came to the store', de: 'kam in die Filiale' },
  media_email: { en: 'E-mail', de: 'E-Mail' },
  media_sms: { en: 'SMS', de: 'SMS' },
  media_push: { en: 'Push', de: 'Push' },
  media_letter: { en: 'Letter', de: 'Brief' },
  media_catalogue: { en: 'Catalogue', de: 'Katalog' },
  media_phone: { en: 'Phone', de: 'Telefon' },
  media_search_brand: { en: 'Search, brand', de: 'Suche, Marke' },
  media_search_generic: { en: 'Search, generic', de: 'Suche, allgemein' },
  media_search_organic: { en: 'Search, organic', de: 'Suche, unbezahlt' },
  media_shopping: { en: 'Shopping ads', de: 'Shopping-Anzeigen' },
  media_social_ads: { en: 'Social ads', de: 'Social-Anzeigen' },
  media_social: { en: 'Social media', de: 'Soziale Medien' },
  media_display: { en: 'Display', de: 'Display' },
  media_affiliate: { en: 'Affiliate', de: 'Partnerprogramm' },
  media_referral: { en: 'Referral', de: 'Verweise' },
  media_qr: { en: 'QR code', de: 'QR-Code' },
  media_radio: { en: 'Radio', de: 'Radio' },
  media_tv: { en: 'TV', de: 'TV' },
  media_out_of_home: { en: 'Posters', de: 'Plakate' },
  media_service: { en: 'Service', de: 'Service' },
  media_store: { en: 'Store', de: 'Filiale' },
  media_direct: { en: 'Direct', de: 'Direkt' },
  // Mix models: English comes from the mathematics as it is.
  mix_few_weeks: {
    en: '{en}',
    de: '{weeks} Wochen sind zu wenige, um Saison und Werbung zu trennen; nötig sind {least}, besser zwei Jahre.',
  },
  mix_few_weeks_do: { en: '{en}', de: '{missing} weitere Wochen sammeln oder ein Experiment machen.' },
  mix_constant: { en: '{en}', de: 'Der Umsatz ist jede Woche gleich: Es gibt nichts zu erklären.' },
  mix_constant_do: { en: '{en}', de: 'Die Spalte prüfen oder die Region weglassen.' },
  mix_nothing: { en: '{en}', de: 'Der Umsatz ergibt zusammen nichts.' },
  mix_nothing_do: { en: '{en}', de: 'Die Spalte prüfen oder die Region weglassen.' },
  mix_log_of_nothing: { en: '{en}', de: 'Mit logarithmischer Verknüpfung muss jede Woche über null liegen.' },
  mix_log_of_nothing_do: { en: '{en}', de: 'Die Verknüpfung „identity“ verwenden.' },
  mix_online_log: {
    en: '{en}',
    de: 'Mit logarithmischer Verknüpfung lässt sich der Onlineumsatz nicht getrennt ansehen.',
  },
  mix_online_log_do: { en: '{en}', de: 'Die Verknüpfung „identity“ verwenden.' },
  mix_online_no_part: { en: '{en}', de: 'Der Onlineumsatz ist in einigen Wochen kein Teil des Umsatzes.' },
  mix_online_no_part_do: { en: '{en}', de: 'Die Spalte des Onlineumsatzes weglassen.' },
  mix_online_constant: {
    en: '{en}',
    de: 'Der Umsatz online oder in Filialen ist jede Woche gleich: Es gibt nichts zu trennen.',
  },
  mix_online_constant_do: { en: '{en}', de: 'Die Spalte des Onlineumsatzes weglassen.' },
  mix_no_channels: { en: '{en}', de: 'Es ist kein Kanal angegeben.' },
  mix_no_channels_do: { en: '{en}', de: 'Kanäle mit Ausgaben angeben.' },
  mix_many_unknowns: { en: '{en}', de: 'Das Modell hat {unknowns} Unbekannte und die Tabelle {rows} Zeilen.' },
  mix_many_unknowns_do: { en: '{en}', de: 'Kanäle zusammenlegen, Kontrollgrößen weglassen oder mehr Wochen sammeln.' },
  mix_never_active: { en: '{en}', de: '{channel:said} war nie aktiv.' },
  mix_never_active_do: { en: '{en}', de: 'Weglassen; es gibt nichts daraus zu lernen.' },
  mix_never_varies: {
    en: '{en}',
    de: '{channel:said} ist jede Woche gleich, deshalb lässt sich die Wirkung nicht von der Grundlast trennen.',
  },
  mix_never_varies_do: { en: '{en}', de: 'In einigen Wochen oder Regionen pausieren oder einen Lift-Test ergänzen.' },
  mix_joint: {
    en: '{en}',
    de: '{channels} bewegen sich immer gemeinsam: Nur ihre gemeinsame Wirkung ist zu erkennen.',
  },
  mix_joint_do: { en: '{en}', de: 'Zusammenlegen oder in verschiedenen Wochen oder Regionen ausgeben.' },
  mix_stopped: { en: '{en}', de: 'Der Lauf wurde nach {draws} von {wanted} Ziehungen beendet.' },
  mix_stopped_do: { en: '{en}', de: 'Bis zum Ende laufen lassen.' },
  mix_chains: { en: '{en}', de: 'R-hat ist höchstens {rHat} ({name}); bis 1,01 ist gut.' },
  mix_chains_do: { en: '{en}', de: 'Mehr ziehen oder die Annahmen zu diesem Kanal enger fassen.' },
  mix_few_draws: { en: '{en}', de: 'Die Ziehungen sind mindestens {count} unabhängige wert ({name}); nötig sind 400.' },
  mix_few_draws_do: { en: '{en}', de: 'Mehr ziehen.' },
  mix_broken: { en: '{en}', de: '{divergences} von {draws} Bahnen brachen aus; höchstens 1 von 1.000 darf es.' },
  mix_broken_do: { en: '{en}', de: 'Engere Annahmen über Sättigung und Steilheit.' },
  mix_noise_narrow: { en: '{en}', de: '{coverage:percent} der Wochen liegen in ihrem 90-%-Intervall.' },
  mix_noise_narrow_do: {
    en: '{en}',
    de: 'Ergänzen, was den Umsatz in den Wochen außerhalb bewegte (Kontrollgrößen, Feiertage), oder Student-t-Rauschen verwenden.',
  },
  mix_noise_wide: { en: '{en}', de: '{coverage:percent} der Wochen liegen in ihrem 90-%-Intervall.' },
  mix_noise_wide_do: {
    en: '{en}',
    de: 'Wenige extreme Wochen weiten alles: Student-t-Rauschen verwenden oder sie mit einer Kontrollgröße erklären.',
  },
  mix_residuals: {
    en: '{en}',
    de: 'Was in einer Woche unerklärt bleibt, hängt mit der Woche davor um {correlation:number} zusammen; bis 0,35 ist harmlos.',
  },
  mix_residuals_do: { en: '{en}', de: 'Den Trend biegsamer machen oder die fehlende Kontrollgröße ergänzen.' },
  mix_foresight: {
    en: '{en}',
    de: 'In den letzten {weeks} Wochen liegt das Modell im Mittel um {model:percent} daneben, die Vorjahreswochen um {naive:percent}.',
  },
  mix_foresight_do: {
    en: '{en}',
    de: 'Den Trend vereinfachen, Kontrollgrößen ergänzen oder eine längere Geschichte verwenden.',
  },
  mix_untaught: {
    en: '{en}',
    de: 'Annahme vorher und Wissen jetzt decken sich zu {overlap:percent}: Über {channel:said} haben die Daten nichts gelehrt.',
  },
  mix_untaught_do: {
    en: '{en}',
    de: 'Einen Lift-Test ergänzen, die Ausgaben verändern oder den Kanal mit einem ähnlichen zusammenlegen.',
  },
  mix_taught: {
    en: '{en}',
    de: 'Annahme vorher und Wissen jetzt decken sich bei {channel:said} zu {overlap:percent}.',
  },
  mix_taught_do: { en: '{en}', de: 'Einen Lift-Test ergänzen oder die Ausgaben verändern.' },
  mix_apart: {
    en: '{en}',
    de: '{left:said} und {right:said} bewegen sich gemeinsam ({together:number}); wem die Wirkung gilt, ist kaum mehr als Annahme.',
  },
  mix_apart_do: { en: '{en}', de: 'Gegeneinander verändern, einen Lift-Test ergänzen oder zusammenlegen.' },
  mix_belief: {
    en: '{en}',
    de: 'Mit halb oder doppelt so weiter Annahme ändert sich die Wirkung von {channel:said} um bis zu {shift:percent}.',
  },
  mix_belief_do: { en: '{en}', de: 'Einen Lift-Test ergänzen; bis dahin ist die Zahl eine Annahme.' },
  mix_all_advertising: {
    en: '{en}',
    de: 'Alle Werbung zusammen hätte {share:percent} des Umsatzes gebracht; glaubhaft sind höchstens {most:percent}.',
  },
  mix_all_advertising_do: {
    en: '{en}',
    de: 'Es fehlt etwas, das den Umsatz mit der Werbung bewegt: Saison, Ereignisse oder Kontrollgrößen ergänzen oder Annahmen zu den Kanälen angeben.',
  },
  mix_believable: {
    en: '{channel:said} brought {share:percent} of revenue, where {low:percent} to {high:percent} were believed; {told:percent} of how it moves is also told by other things.',
    de: '{channel:said} brachte {share:percent} des Umsatzes, angenommen waren {low:percent} bis {high:percent}; zu {told:percent} bewegt sich der Kanal wie anderes.',
  },
  mix_wild_belief: {
    en: 'Before the data, each euro spent on {channel:said} was believed to bring {low:number} to {high:number}; above {most:number} nothing can be believed.',
    de: 'Vor den Daten wurde angenommen, dass ein Euro für {channel:said} {low:number} bis {high:number} bringt; über {most:number} ist nichts glaubhaft.',
  },
  mix_wild_belief_do: {
    en: '{en}',
    de: 'Die Annahme als Umsatz je Euro angeben, so wie man sie der Bank sagen würde.',
  },
  mix_unbelievable: {
    en: 'Each euro spent on {channel:said} would have brought {roas:number}; above {most:number} no return can be believed that was not tested. Plans leave this channel where it is.',
    de: 'Ein Euro für {channel:said} hätte {roas:number} gebracht; über {most:number} ist ohne Test kein Ertrag glaubhaft. Pläne lassen diesen Kanal, wo er ist.',
  },
  mix_unbelievable_do: {
    en: 'Compare the spend with its invoices, look for what happened in the same weeks, and pause it in some regions as a test.',
    de: 'Die Ausgaben mit den Rechnungen vergleichen, nach Ereignissen in denselben Wochen suchen und in einigen Regionen zum Test pausieren.',
  },
  mix_great_find: {
    en: 'Even read cautiously, the next euro spent on {channel:said} leaves {left:number} at a margin of {margin:percent}: a find that few houses have.',
    de: 'Selbst vorsichtig gelesen bleiben vom nächsten Euro für {channel:said} bei {margin:percent} Spanne {left:number}: Solche Funde sind selten.',
  },
  mix_great_find_do: { en: '{en}', de: 'Zuerst in einigen Regionen erhöhen, als Test.' },
  mix_contradicts_more: {
    en: 'The data say far more of {channel:said} than was believed possible: {share:percent} of revenue, where {low:percent} to {high:percent} were expected. Plans leave this channel where it is.',
    de: 'Die Daten sagen über {channel:said} weit mehr, als für möglich gehalten wurde: {share:percent} des Umsatzes statt {low:percent} bis {high:percent}. Pläne lassen diesen Kanal, wo er ist.',
  },
  mix_contradicts_more_do: {
    en: 'Either the belief is wrong, or something that moved in the same weeks is taken for {channel:said}: test it, or state what you believe.',
    de: 'Entweder stimmt die Annahme nicht, oder etwas aus denselben Wochen wird für {channel:said} gehalten: testen oder die eigene Annahme angeben.',
  },
  mix_contradicts_less: {
    en: 'The data say far less of {channel:said} than was believed possible: {share:percent} of revenue, where {low:percent} to {high:percent} were expected. Plans leave this channel where it is.',
    de: 'Die Daten sagen über {channel:said} weit weniger, als für möglich gehalten wurde: {share:percent} des Umsatzes statt {low:percent} bis {high:percent}. Pläne lassen diesen Kanal, wo er ist.',
  },
  mix_contradicts_less_do: {
    en: 'Either the belief is wrong, or something that moved against it in the same weeks hides it: test it, or state what you believe.',
    de: 'Entweder stimmt die Annahme nicht, oder etwas aus denselben Wochen verdeckt die Wirkung: testen oder die eigene Annahme angeben.',
  },
  mix_moves_with_trend: {
    en: 'The spend on {channel:said} moves with the trend of the years ({share:percent} of it is told by other things): the data cannot tell them apart.',
    de: 'Die Ausgaben für {channel:said} bewegen sich mit dem Trend der Jahre (zu {share:percent} durch anderes erklärt): Die Daten können beides nicht trennen.',
  },
  mix_moves_with_season: {
    en: 'The spend on {channel:said} moves with the season ({share:percent} of it is told by other things): the data cannot tell them apart.',
    de: 'Die Ausgaben für {channel:said} bewegen sich mit der Jahreszeit (zu {share:percent} durch anderes erklärt): Die Daten können beides nicht trennen.',
  },
  mix_moves_with_control: {
    en: 'The spend on {channel:said} moves with {other} ({share:percent} of it is told by other things): the data cannot tell them apart.',
    de: 'Die Ausgaben für {channel:said} bewegen sich mit {other} (zu {share:percent} durch anderes erklärt): Die Daten können beides nicht trennen.',
  },
  mix_moves_with_channel: {
    en: 'The spend on {channel:said} moves with that on {other:said} ({share:percent} of it is told by other things): the data cannot tell them apart.',
    de: 'Die Ausgaben für {channel:said} bewegen sich mit denen für {other:said} (zu {share:percent} durch anderes erklärt): Die Daten können beides nicht trennen.',
  },
  mix_moves_with_trend_do: {
    en: '{en}',
    de: 'In anderen Wochen oder Regionen ausgeben oder einen Lift-Test ergänzen.',
  },
  mix_moves_with_season_do: {
    en: '{en}',
    de: 'In anderen Wochen oder Regionen ausgeben oder einen Lift-Test ergänzen.',
  },
  mix_moves_with_control_do: {
    en: '{en}',
    de: 'In anderen Wochen oder Regionen ausgeben oder einen Lift-Test ergänzen.',
  },
  mix_moves_with_channel_do: {
    en: '{en}',
    de: 'In anderen Wochen oder Regionen ausgeben oder einen Lift-Test ergänzen.',
  },
  mix_experiment: {
    en: '{en}',
    de: 'Das Experiment zu {channel:said} fand {found:number} ± {error:number}, das Modell sagt {model:number}.',
  },
  mix_experiment_do: {
    en: '{en}',
    de: 'Zeitraum und Regionen des Experiments prüfen; stimmen sie, fehlt eine Kontrollgröße.',
  },
  mix_counts_once: {
    en: '{en}',
    de: 'Die Tabelle selbst zeigt den Test zu {channel:said}: Sein Ergebnis zählt kein zweites Mal.',
  },
  // Refusals.
  bad_cursor: { en: 'The cursor is not one of ours.', de: 'Diese Seitenmarke ist keine von uns.' },
  unknown_model: { en: '{model} is no attribution model.', de: '{model} ist kein Zurechnungsmodell.' },
  unknown_model_do: { en: 'Use {models}.', de: 'Möglich sind {models}.' },
  period_backwards: {
    en: 'The period begins on {from} and ends before, on {to}.',
    de: 'Der Zeitraum beginnt am {from} und endet davor, am {to}.',
  },
  period_backwards_do: { en: 'Swap the days.', de: 'Die Tage tauschen.' },
  rule_without_values: {
    en: 'Rule {rule} compares {field} with nothing.',
    de: 'Regel {rule} vergleicht {field} mit nichts.',
  },
  rule_without_values_do: { en: 'Give at least one value.', de: 'Mindestens einen Wert angeben.' },
  bad_pattern: {
    en: 'Rule {rule} has a pattern that cannot be read: {pattern}',
    de: 'Regel {rule} hat ein Muster, das sich nicht lesen lässt: {pattern}',
  },
  bad_pattern_do: { en: 'Use a regular expression in RE2 syntax.', de: 'Einen regulären Ausdruck nach RE2 verwenden.' },
  grouping_changed: {
    en: 'Somebody else changed the rules meanwhile.',
    de: 'Jemand anders hat die Regeln inzwischen geändert.',
  },
  grouping_changed_do: { en: 'Load them again and repeat your change.', de: 'Neu laden und die Änderung wiederholen.' },
  empty_way: { en: 'Nobody went along this flow.', de: 'Diesen Weg ging niemand.' },
  empty_way_do: { en: 'Choose another flow or period.', de: 'Einen anderen Strom oder Zeitraum wählen.' },
  nobody_known: {
    en: 'None of the {persons} persons of this flow is known by more than a device or receipt.',
    de: 'Von den {persons} Personen dieses Weges ist keine über ein Gerät oder einen Bon hinaus bekannt.',
  },
  nobody_known_do: {
    en: 'Choose a flow of customers; a segment holds people whom we know.',
    de: 'Einen Weg von Kundinnen und Kunden wählen; eine Zielgruppe enthält Menschen, die wir kennen.',
  },
  interval_without_result: {
    en: 'The result must lie between the ends of its interval.',
    de: 'Das Ergebnis muss zwischen den Enden seines Intervalls liegen.',
  },
  interval_without_result_do: { en: 'Check the three figures.', de: 'Die drei Zahlen prüfen.' },
  no_report: {
    en: 'There is no such report.',
    de: 'Diesen Bericht gibt es nicht.',
  },
  no_evidence: {
    en: 'There is no such result, or it was withdrawn before.',
    de: 'Dieses Ergebnis gibt es nicht, oder es wurde schon zurückgezogen.',
  },
  no_mix: { en: 'There is no mix model with this number.', de: 'Ein Mix-Modell mit dieser Nummer gibt es nicht.' },
  mix_not_running: { en: 'This fit is not running.', de: 'Diese Anpassung läuft nicht.' },
  mix_not_running_do: {
    en: 'Look at its result, or begin another.',
    de: 'Das Ergebnis ansehen oder eine neue beginnen.',
  },
  no_history: {
    en: '{persons} known customers with too few orders: there is nothing to plan from.',
    de: '{persons} bekannte Kundinnen und Kunden mit zu wenigen Bestellungen: nichts, womit sich planen ließe.',
  },
  no_history_do: {
    en: 'Wait until orders of {days} days are known.',
    de: 'Warten, bis Bestellungen aus {days} Tagen bekannt sind.',
  },
  planned_before: {
    en: 'This experiment was planned before; a plan is not changed once people look at the result.',
    de: 'Dieses Experiment ist schon geplant; ein Plan ändert sich nicht mehr, wenn das Ergebnis angesehen wird.',
  },
  planned_before_do: {
    en: 'Read it with the plan it has, or begin another experiment.',
    de: 'Mit dem vorhandenen Plan lesen oder ein neues Experiment beginnen.',
  },
  not_running: {
    en: 'This experiment has no plan or was stopped before.',
    de: 'Dieses Experiment hat keinen Plan oder wurde schon beendet.',
  },
  not_running_do: {
    en: 'Plan it first; a result without a plan is read at its end.',
    de: 'Zuerst planen; ein Ergebnis ohne Plan wird am Ende gelesen.',
  },
}

const media = (channel: string): string =>
  Object.hasOwn(measurementPhrases, `media_${channel}`) ? kept(`media_${channel}`) : channel

/** `E-Mail „Frühling“`, `Suche, Marke`: a channel and its campaign, as a kept text. */
export function keptTouch(channel: string, campaign: string | null): string {
  return campaign === null ? media(channel) : kept('with_campaign', { media: media(channel), campaign })
}

/** An answer with every kept sentence in it said in the reader's language. */
function saidIn<Answer>(answer: Answer, say: (text: string) => string): Answer {
  const through = (value: unknown): unknown => {
    if (typeof value === 'string') return keptParts(value) === null ? value : say(value)
    if (Array.isArray(value)) return value.map(through)
    if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, through(inner)]))
    return value
  }
  return through(answer) as Answer
}

/** Mounts routes whose answers and refusals hold kept sentences: they leave in the language of the caller. */
export function spokenWith(...books: Phrases[]) {
  const say = speaker(...books)
  return <R extends Route>(route: R, handle: Parameters<typeof mount<R>>[1]) =>
    mount(route, async (input, request) => {
      const inLanguage = (text: string) => say(text, languageOf(request))
      try {
        return saidIn(await handle(input, request), inLanguage)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        throw new Refusal(error.status, error.code, inLanguage(error.message), {
          at: error.at,
          doInstead: error.doInstead === undefined ? undefined : inLanguage(error.doInstead),
          retryAfterSeconds: error.retryAfterSeconds,
        })
      }
    })
}

/** A refusal by its code, with what to do instead under `code_do`. */
export function refused(
  status: Refusal['status'],
  code: string,
  more: { at?: string; say?: string; doInstead?: boolean } & { given?: { [name: string]: Json } } = {},
): Refusal {
  const say = more.say ?? code
  const { given = {} } = more
  return new Refusal(status, code, kept(say, given), {
    at: more.at,
    doInstead: more.doInstead === false ? undefined : kept(`${say}_do`, given),
  })
}
