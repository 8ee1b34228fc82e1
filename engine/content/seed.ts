import { derivedId, Refusal } from '@einklang/platform'
import { createConcept, saveVariant } from './concepts.ts'
import type { ContentNeeds } from './index.ts'
import type { Content, Workshops } from './words.ts'

export const abandonedCartConcept = derivedId('concept', 'seed', 'abandoned cart')
export const welcomeConcept = derivedId('concept', 'seed', 'welcome')

const cartTable = (words: { article: string; quantity: string; sum: string; total: string }) => `
    <mj-table cellpadding="8px" font-size="15px">
      <tr style="border-bottom:1px solid #d9dee3;text-align:left;color:#52606d">
        <th>${words.article}</th><th style="text-align:right">${words.quantity}</th><th style="text-align:right">${words.sum}</th>
      </tr>
      {% for line in cart.lines %}
      <tr style="border-bottom:1px solid #eceff2">
        <td>{{ line.name }}</td><td style="text-align:right">{{ line.quantity }}</td><td style="text-align:right">{{ line.sum }}</td>
      </tr>
      {% endfor %}
      <tr><td colspan="2" style="text-align:right">${words.total}</td><td style="text-align:right"><strong>{{ cart.total }}</strong></td></tr>
    </mj-table>`

const section = (inner: string) => `<mj-section background-color="#ffffff">
  <mj-column>${inner}
  </mj-column>
</mj-section>`

const cartMails: { [language: string]: Content[] } = {
  de: [
    {
      channel: 'email',
      subject: '{{ person.first_name | default: "Guten Tag" }}, Ihr Warenkorb wartet noch',
      preheader: '{{ cart.first.name }} liegt für Sie bereit.',
      mjml: section(`
    <mj-text>Guten Tag{% if person.name %} {{ person.name }}{% endif %},</mj-text>
    <mj-text>Sie haben etwas ausgesucht und noch nicht bestellt. Wir haben es für Sie aufgehoben, zum heutigen Preis:</mj-text>${cartTable({ article: 'Artikel', quantity: 'Menge', sum: 'Summe', total: 'Zusammen' })}
    <mj-button href="{{ links.shop }}">Zum Warenkorb</mj-button>
    <mj-text>Fragen zu Größe oder Material? Antworten Sie einfach auf diese E-Mail.</mj-text>`),
    },
    {
      channel: 'sms',
      text: '{{ brand.name }}: {{ cart.first.name | truncate: 40 }} liegt noch in Ihrem Warenkorb ({{ cart.total }}). Weiter: {{ links.shop }} Abmelden: {{ links.unsubscribe }}',
    },
    {
      channel: 'letter',
      subject: 'Ihr Warenkorb bei {{ brand.name }}',
      text: `Guten Tag{% if person.name %} {{ person.name }}{% endif %},

in Ihrem Warenkorb liegt noch, was Sie sich ausgesucht hatten:
{% for line in cart.lines %}
- {{ line.name }}, {{ line.quantity }} x {{ line.price }}{% endfor %}

Wir beraten Sie gern, auch in unseren Filialen. Bringen Sie diesen Brief einfach mit.

Herzliche Grüße
{{ brand.sender }}

Wenn Sie keine Post mehr von uns wünschen, genügt eine kurze Nachricht.`,
    },
  ],
  en: [
    {
      channel: 'email',
      subject: '{{ person.first_name | default: "Hello" }}, your cart is still here',
      preheader: '{{ cart.first.name }} is waiting for you.',
      mjml: section(`
    <mj-text>Hello{% if person.name %} {{ person.name }}{% endif %},</mj-text>
    <mj-text>You chose something and have not ordered it yet. We kept it for you, at today's price:</mj-text>${cartTable({ article: 'Article', quantity: 'Quantity', sum: 'Sum', total: 'Total' })}
    <mj-button href="{{ links.shop }}">To my cart</mj-button>
    <mj-text>Questions about size or material? Just answer this e-mail.</mj-text>`),
    },
    {
      channel: 'sms',
      text: '{{ brand.name }}: {{ cart.first.name | truncate: 40 }} is still in your cart ({{ cart.total }}). Continue: {{ links.shop }} Stop: {{ links.unsubscribe }}',
    },
    {
      channel: 'letter',
      subject: 'Your cart at {{ brand.name }}',
      text: `Hello{% if person.name %} {{ person.name }}{% endif %},

what you chose is still in your cart:
{% for line in cart.lines %}
- {{ line.name }}, {{ line.quantity }} x {{ line.price }}{% endfor %}

We are glad to help, in our stores too. Just bring this letter along.

Kind regards
{{ brand.sender }}

If you do not want letters from us any more, a short message is enough.`,
    },
  ],
}

const welcomeMails: { [language: string]: Content[] } = {
  de: [
    {
      channel: 'email',
      subject: 'Willkommen{% if person.first_name %}, {{ person.first_name }}{% endif %}!',
      preheader: 'Schön, dass Sie da sind.',
      mjml: section(`
    <mj-text>Guten Tag{% if person.name %} {{ person.name }}{% endif %},</mj-text>
    <mj-text>danke für Ihre Anmeldung. Ab jetzt erfahren Sie zuerst, was es Neues gibt, online und in Ihrer Filiale.</mj-text>
    <mj-button href="{{ links.shop }}">Neues entdecken</mj-button>`),
    },
  ],
  en: [
    {
      channel: 'email',
      subject: 'Welcome{% if person.first_name %}, {{ person.first_name }}{% endif %}!',
      preheader: 'Good to have you with us.',
      mjml: section(`
    <mj-text>Hello{% if person.name %} {{ person.name }}{% endif %},</mj-text>
    <mj-text>thank you for signing up. From now on you are the first to hear what is new, online and in your store.</mj-text>
    <mj-button href="{{ links.shop }}">See what is new</mj-button>`),
    },
  ],
}

/** Puts the starter concepts there once; a later start finds them and leaves them as people have edited them. */
export async function compileSeeds(needs: ContentNeeds, workshops: Workshops): Promise<void> {
  const { database } = needs.ground
  const language = (await needs.governance.brand()).language === 'en' ? 'en' : 'de'
  const concepts = [
    {
      id: abandonedCartConcept,
      name: 'Abandoned cart',
      description: 'Reminds of the products in an open cart.',
      mails: cartMails,
    },
    { id: welcomeConcept, name: 'Newsletter welcome', description: 'Greets a new subscriber.', mails: welcomeMails },
  ]
  for (const { id, name, description, mails } of concepts) {
    await createConcept(needs.ground, { name, description, purpose: 'newsletter', topic: null, language }, id)
    const there = await database.rows<{ channel: string; language: string }>`
      select channel, language from content.variant where concept = ${id}`
    for (const [tongue, contents] of Object.entries(mails)) {
      for (const content of contents) {
        if (there.some((row) => row.channel === content.channel && row.language === tongue)) continue
        const edit = { concept: id, language: tongue, version: null, content, by: 'Einklang' }
        await saveVariant({ database, workshops, speak: 'en' }, edit).catch(unlessThere)
      }
    }
  }
  // The MJML compiler is big and rarely needed: its thread comes back with the next save.
  await workshops.mjml.rest()
}

/** Two processes may start at once on an empty database; the words of the first stand. */
function unlessThere(error: unknown): void {
  if (!(error instanceof Refusal && error.code === 'stale')) throw error
}
