import { type ImportKind, type ImportMapping, importKinds } from '@einklang/contract'
import { foldText } from '@einklang/platform'

/** Names under which other systems know our fields, folded: lower case, letters and digits only. */
const synonyms: { [field: string]: string[] } = {
  customer_no: [
    'kundennummer',
    'kundennr',
    'kdnr',
    'debitor',
    'debitorennr',
    'customernumber',
    'customerid',
    'customerno',
    'adressnummer',
    'externalid',
    'id',
    'memberid',
    'kundenid',
  ],
  email: [
    'email',
    'emailadresse',
    'emailaddress',
    'mail',
    'mailadresse',
    'customeremailaddress',
    'empfaenger',
    'recipient',
  ],
  phone: [
    'telefon',
    'telefonnummer',
    'tel',
    'mobil',
    'mobilnummer',
    'handy',
    'phonenumber',
    'mobile',
    'rufnummer',
    'customerphonenumber',
  ],
  first_name: ['vorname', 'firstname', 'givenname', 'fname', 'customerfirstname'],
  last_name: ['nachname', 'name', 'familienname', 'lastname', 'surname', 'lname', 'customerlastname'],
  birthday: ['geburtsdatum', 'gebdatum', 'geburtstag', 'dateofbirth', 'dob', 'birthdate', 'customfieldsbirthday'],
  gender: ['geschlecht', 'anrede', 'sex', 'salutation'],
  street: [
    'strasse',
    'strassehausnummer',
    'anschrift',
    'adresse',
    'streetaddress',
    'address',
    'addressstreetline1',
    'shippingaddressstreetline1',
  ],
  postal_code: ['plz', 'postleitzahl', 'zip', 'zipcode', 'postcode', 'addresspostalcode', 'shippingaddresspostalcode'],
  city: ['ort', 'stadt', 'wohnort', 'town', 'homecity', 'addresscity', 'shippingaddresscity'],
  country: ['land', 'laenderkennzeichen', 'countrycode', 'addresscountrycode'],
  language: ['sprache', 'locale', 'lang'],
  loyalty_card: [
    'kundenkarte',
    'kartennummer',
    'kartennr',
    'karte',
    'loyaltycard',
    'cardnumber',
    'membercard',
    'loyalty',
  ],
  created_at: [
    'angelegtam',
    'erfasst',
    'erfasstam',
    'aufgenommen',
    'createdat',
    'subscribedat',
    'anlagedatum',
    'signupdate',
  ],
  updated_at: ['geaendertam', 'updatedat', 'changedat', 'lastmodified', 'aenderungsdatum'],
  status: ['status', 'subscriptionstatus', 'abostatus'],
  consent_email: [
    'werbungemail',
    'emailerlaubt',
    'emailoptin',
    'newsletteroptin',
    'optin',
    'emailconsent',
    'newsletter',
    'customfieldsnewsletter',
  ],
  consent_sms: ['werbungsms', 'smserlaubt', 'smsoptin', 'smsconsent', 'customfieldssms'],
  consent_push: ['pusherlaubt', 'pushoptin', 'pushconsent', 'customfieldspush'],
  consent_letter: ['werbungpost', 'posterlaubt', 'postoptin', 'katalog', 'mailings'],
  consent_at: [
    'einwilligungam',
    'confirmedat',
    'consentat',
    'optinat',
    'optindate',
    'consenttimestamp',
    'customfieldsconsentat',
  ],
  consent_proof: ['nachweis', 'beleg', 'consentproof', 'proof', 'doubleoptin', 'customfieldsconsentproof'],
  receipt_no: [
    'bonnummer',
    'bonnr',
    'bon',
    'belegnummer',
    'belegnr',
    'receipt',
    'receiptnumber',
    'transactionid',
    'transaktionsnummer',
  ],
  order_no: [
    'bestellnummer',
    'bestellnr',
    'auftragsnummer',
    'auftragsnr',
    'order',
    'orderid',
    'ordernumber',
    'orderno',
    'code',
  ],
  original_no: [
    'ursprungsbon',
    'originalbon',
    'ursprungsbestellung',
    'originalcode',
    'originalorder',
    'originalno',
    'refundof',
  ],
  at: [
    'zeitpunkt',
    'datum',
    'datumuhrzeit',
    'zeit',
    'date',
    'timestamp',
    'orderdate',
    'orderplacedat',
    'bestelldatum',
    'stichtag',
    'datetime',
    'verkaufsdatum',
  ],
  place: [
    'filiale',
    'filialnr',
    'filialnummer',
    'store',
    'storeid',
    'markt',
    'shop',
    'standort',
    'lager',
    'location',
    'marktnummer',
  ],
  line_no: ['position', 'pos', 'zeile', 'lineno', 'linenumber', 'positionsnummer'],
  sku: [
    'artikelnummer',
    'artikelnr',
    'artnr',
    'artikel',
    'article',
    'articlenumber',
    'productid',
    'variantid',
    'item',
    'itemid',
  ],
  name: ['bezeichnung', 'artikelbezeichnung', 'produktname', 'productname', 'title', 'artikelname', 'lineitemname'],
  quantity: ['menge', 'anzahl', 'qty', 'stueck', 'stk', 'lineitemquantity'],
  unit_price: ['einzelpreis', 'preis', 'price', 'unitprice', 'vk', 'lineitemprice'],
  line_total: ['positionswert', 'zeilensumme', 'linetotal', 'betragposition', 'positionsbetrag', 'lineamount'],
  total: ['bonsumme', 'summe', 'gesamt', 'gesamtbetrag', 'rechnungsbetrag', 'ordertotal', 'grandtotal', 'amounttotal'],
  currency: ['waehrung', 'currencycode', 'isocurrency'],
  kind: ['vorgang', 'vorgangsart', 'art', 'typ', 'type', 'belegart', 'preisart'],
  payment: ['zahlart', 'zahlungsart', 'paymentmethod', 'zahlung'],
  coupon: ['gutschein', 'gutscheincode', 'couponcode', 'discountcode', 'aktionscode', 'rabattcode'],
  reason: ['rueckgabegrund', 'grund', 'returnreason', 'retourengrund'],
  lines: ['lines', 'positionen', 'items', 'lineitems', 'orderlines'],
  shipping: ['versand', 'versandkosten', 'shippingcost', 'shippingcosts', 'porto'],
  channel: ['kanal', 'vertriebskanal', 'saleschannel', 'medium'],
  message_id: ['nachrichtid', 'mailingid', 'messageid', 'sendid', 'sendungsnummer'],
  campaign: ['kampagne', 'mailing', 'mailingname', 'campaignname', 'campaignid', 'aktion'],
  subject: ['betreff', 'subjectline', 'emailsubject'],
  sent_at: ['gesendetam', 'versendetam', 'sentat', 'senddate', 'versanddatum'],
  delivered_at: ['zugestelltam', 'deliveredat'],
  opened_at: ['geoeffnetam', 'openedat', 'opentime', 'firstopen'],
  machine_open: ['machineopen', 'maschinell', 'bot', 'proxyopen'],
  clicked_at: ['geklicktam', 'clickedat', 'firstclick'],
  click_url: ['klickurl', 'clickurl', 'url', 'link'],
  bounced_at: ['bounceam', 'bouncedat', 'unzustellbaram'],
  unsubscribed_at: ['abgemeldetam', 'unsubscribedat', 'optoutat'],
  push_token: ['pushtoken', 'devicetoken', 'token'],
  cell: ['zelle', 'testgruppe', 'gruppe', 'variant', 'splitgroup'],
  cost: ['kosten', 'stueckkosten', 'unitcost', 'ek', 'einkaufspreis'],
  day: ['tag', 'datum', 'date', 'reportingdate'],
  week: ['woche', 'kalenderwoche', 'kw', 'isoweek', 'calendarweek'],
  geo: ['region', 'gebiet', 'bundesland', 'dma', 'georegion'],
  amount: ['kosten', 'betrag', 'ausgaben', 'spend', 'spent', 'costs', 'amountspent', 'preis', 'price'],
  impressions: ['kontakte', 'impressionen', 'einblendungen', 'views'],
  clicks: ['klicks', 'linkclicks'],
  gtin: ['ean', 'barcode', 'gtin13', 'upc', 'eancode'],
  product_no: ['modell', 'modellnummer', 'style', 'styleno', 'hauptartikel', 'productno', 'parentsku'],
  brand: ['marke', 'hersteller', 'manufacturer', 'vendor'],
  category: ['kategorie', 'warengruppe', 'producttype', 'categorypath'],
  colour: ['farbe', 'color'],
  size: ['groesse'],
  image_url: ['bild', 'bildurl', 'image', 'imagelink', 'imageurl'],
  vat_rate: ['mwst', 'mehrwertsteuer', 'mwstsatz', 'steuersatz', 'vat', 'taxrate'],
  valid_from: ['gueltigab', 'gueltigvon', 'validfrom', 'ab', 'startdate', 'von'],
  valid_to: ['gueltigbis', 'validto', 'bis', 'enddate'],
  on_hand: ['bestand', 'lagerbestand', 'menge', 'stock', 'quantity', 'qty', 'onhand'],
  latitude: ['breitengrad', 'lat'],
  longitude: ['laengengrad', 'lon', 'lng', 'long'],
}

export function foldColumn(name: string): string {
  return foldText(name).replaceAll(/[^a-z0-9]/g, '')
}

/** Which of our fields each column means, by its name; exact names first, then the words other systems use. */
export function recognise(kind: ImportKind, columns: string[]): { [field: string]: string } {
  const fields = importKinds[kind] as readonly string[]
  const byName = new Map<string, string>()
  for (const column of columns) if (!byName.has(foldColumn(column))) byName.set(foldColumn(column), column)
  const taken = new Set<string>()
  const found: { [field: string]: string } = {}
  const take = (field: string, name: string): boolean => {
    const column = byName.get(name)
    if (column === undefined || taken.has(column) || found[field] !== undefined) return false
    taken.add(column)
    found[field] = column
    return true
  }
  for (const field of fields) take(field, foldColumn(field))
  for (const field of fields) {
    if (found[field] === undefined) for (const name of synonyms[field] ?? []) if (take(field, name)) break
  }
  return found
}

/** Without these an import of the kind can say nothing; each entry is a choice. */
const needed: { [kind in ImportKind]: string[][] } = {
  customers: [['customer_no', 'email', 'phone', 'loyalty_card']],
  receipts: [['receipt_no'], ['at'], ['line_total', 'unit_price', 'total']],
  orders: [['order_no'], ['at'], ['lines', 'total', 'line_total', 'unit_price']],
  messages: [['message_id'], ['channel'], ['email', 'phone', 'customer_no', 'push_token'], ['sent_at']],
  spend: [['day', 'week'], ['channel'], ['amount']],
  products: [['sku']],
  prices: [['sku'], ['amount'], ['valid_from']],
  stock: [['sku'], ['place'], ['on_hand']],
  places: [['place'], ['name']],
  'braze-attributes': [],
  'braze-events': [],
  'braze-json': [],
  customerio: [],
  klaviyo: [],
  mautic: [],
  listmonk: [],
}

/** Fields that are missing, as `a or b`. */
export function missingFields(kind: ImportKind, mapping: ImportMapping): string[] {
  const given = new Set([...Object.keys(mapping.fields), ...Object.keys(mapping.constants ?? {})])
  return needed[kind].filter((choice) => !choice.some((field) => given.has(field))).map((choice) => choice.join(' / '))
}
