import { type Phrases, speaker } from '@einklang/contract'

/** What journeys and the contact policy say about their decisions; kept by code, said in the reader's language. */
export const decisionPhrases: Phrases = {
  waited: { en: 'Waited {minutes:length}.', de: '{minutes:length} gewartet.' },
  came_to: { en: 'Came to “{label}”.', de: 'Bei „{label}“ angekommen.' },
  cart_open: { en: 'The cart is still open.', de: 'Der Warenkorb ist noch offen.' },
  cart_closed: { en: 'The cart is no longer open.', de: 'Der Warenkorb ist nicht mehr offen.' },
  holds: { en: 'It holds.', de: 'Trifft zu.' },
  holds_not: { en: 'It does not hold.', de: 'Trifft nicht zu.' },
  drawn: { en: 'Drawn into “{arm}”.', de: 'Durch Los in „{arm}“.' },
  led_here: {
    en: 'The reason was what happened on {at:when}: {event:event}.',
    de: 'Der Anlass war, was am {at:when} geschah: {event:event}.',
  },
  not_by: { en: 'Not by {channel:channel}: {why:said}.', de: 'Nicht per {channel:channel}: {why:said}.' },
  used_before: { en: 'used before in this journey', de: 'in dieser Journey schon benutzt' },
  no_words: { en: 'no words or no connector for it', de: 'dafür gibt es keinen Text oder keinen Anschluss' },
  no_address: { en: 'no address known', de: 'keine Adresse bekannt' },
  not_permitted: { en: 'not permitted, {because:refusal}', de: 'nicht erlaubt, {because:refusal}' },
  by: {
    en: 'By {channel:channel}: permitted ({basis:basis}), reachable and within the limits.',
    de: 'Per {channel:channel}: erlaubt ({basis:basis}), erreichbar und innerhalb der Grenzen.',
  },
  entered: { en: 'Entered: {event:event}.', de: 'Eingetreten: {event:event}.' },
  trigger: { en: '{event:event}, {at:when}.', de: '{event:event}, {at:when}.' },
  held_out: {
    en: 'Held out for measurement: persons like this one get no message from this journey.',
    de: 'Kontrollgruppe zur Messung: Personen wie diese bekommen aus dieser Journey keine Nachricht.',
  },
  goal: { en: 'Goal reached: {event:event}.', de: 'Ziel erreicht: {event:event}.' },
  same_person: {
    en: 'The person was found to be the same as another one who is in this journey already.',
    de: 'Die Person ist dieselbe wie eine andere, die schon in dieser Journey ist.',
  },
  exempt: {
    en: 'Purpose “{purpose:purpose}” is exempt from caps and quiet hours.',
    de: 'Der Zweck „{purpose:purpose}“ ist von Obergrenzen und Ruhezeiten ausgenommen.',
  },
  no_hold: { en: 'No hold on this person.', de: 'Für diese Person besteht kein Stopp.' },
  on_hold: { en: 'On hold: {reason}', de: 'Gestoppt: {reason}' },
  on_hold_until: { en: 'On hold until {until:when}: {reason}', de: 'Gestoppt bis {until:when}: {reason}' },
  hours: {
    en: 'By {channel:channel} from {from} to {until} ({zone}).',
    de: 'Per {channel:channel} von {from} bis {until} Uhr ({zone}).',
  },
  any_hour: { en: 'By {channel:channel} at any hour.', de: 'Per {channel:channel} zu jeder Stunde.' },
  cap_all: {
    en: '{used} of {limit} messages in {days} days on all channels.',
    de: '{used} von {limit} Nachrichten in {days} Tagen über alle Kanäle.',
  },
  cap: {
    en: '{used} of {limit} messages in {days} days by {channel:channel}.',
    de: '{used} von {limit} Nachrichten in {days} Tagen per {channel:channel}.',
  },
  journey_over: { en: 'The journey ended before: {why:said}', de: 'Die Journey war vorher zu Ende: {why:said}' },
  journey_paused: { en: 'The journey is paused.', de: 'Die Journey ist angehalten.' },
  journey: { en: 'Journey “{name}”.', de: 'Journey „{name}“.' },
  at: { en: '{at:when}: {what:said}', de: '{at:when}: {what:said}' },
  step: { en: '{label}: {what:said}', de: '{label}: {what:said}' },
  would_enter: { en: 'Would have entered: {what:said}', de: 'Wäre eingetreten: {what:said}' },
  did_enter: { en: 'Entered: {what:said}', de: 'Eingetreten: {what:said}' },
  waits_until: { en: 'Waits until {due:when}.', de: 'Wartet bis {due:when}.' },
  waits: { en: 'Waits.', de: 'Wartet.' },
  over: { en: 'The journey is over.', de: 'Die Journey ist durchlaufen.' },
}

export const said = speaker(decisionPhrases)
