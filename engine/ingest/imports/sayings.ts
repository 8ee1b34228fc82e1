import { checkNames, kept, type Phrases, speaker } from '@einklang/contract'

/**
 * Why a row does not fit and why a file or a feed cannot be read; kept by code, said in the reader's language. Takers of
 * records use the same codes for their rows, or hand over a sentence of their own in every language (`spoken`).
 */
export const importPhrases: Phrases = {
  spoken: { en: '{en}', de: '{de}' },
  // Rows.
  missing: { en: '{field} is missing', de: '{field} fehlt' },
  no_instant: { en: '{field} “{given}” is no date or time', de: '{field} „{given}“ ist kein Datum und keine Zeit' },
  no_date: { en: '{field} “{given}” is no date', de: '{field} „{given}“ ist kein Datum' },
  no_number: { en: '{field} “{given}” is no number', de: '{field} „{given}“ ist keine Zahl' },
  no_whole_number: { en: '{field} “{given}” is no whole number', de: '{field} „{given}“ ist keine ganze Zahl' },
  no_amount: { en: '{field} “{given}” is no amount', de: '{field} „{given}“ ist kein Betrag' },
  out_of_range: { en: '{field} “{given}” cannot be', de: '{field} „{given}“ kann nicht sein' },
  not_one_of: { en: '{field} “{given}” is not one of {known}', de: '{field} „{given}“ ist keines von {known}' },
  no_currency: { en: '“{given}” is no currency code (ISO 4217)', de: '„{given}“ ist kein Währungscode (ISO 4217)' },
  no_gtin: {
    en: 'gtin {given} has a wrong length or check digit',
    de: 'gtin {given} hat eine falsche Länge oder Prüfziffer',
  },
  ends_first: { en: 'valid_to is not after valid_from', de: 'valid_to liegt nicht nach valid_from' },
  names_nobody: {
    en: 'names nobody: one of {wanted} is needed',
    de: 'nennt niemanden: gebraucht wird eines von {wanted}',
  },
  names_nobody_left: {
    en: 'names nobody whom it could belong to',
    de: 'nennt niemanden, dem es gehören könnte',
  },
  together: {
    en: 'belongs together with row {row}, which does not fit',
    de: 'gehört zu Zeile {row}, und die passt nicht',
  },
  no_sum: {
    en: 'neither total nor prices of the lines are there',
    de: 'weder eine Summe noch Preise der Positionen sind da',
  },
  negative_sale: {
    en: 'total {total} is negative, but the row is no return',
    de: 'die Summe {total} ist negativ, die Zeile aber keine Rückgabe',
  },
  negative_money: {
    en: 'a negative total belongs to a return or cancellation',
    de: 'eine negative Summe gehört zu einer Rückgabe oder Stornierung',
  },
  no_article: { en: 'lines holds something that is no article', de: 'in lines steht etwas, das kein Artikel ist' },
  records_only: { en: '{kind} are records, not events', de: '{kind} sind Stammdaten, keine Ereignisse' },
  no_json_in: { en: '{field} is no JSON', de: '{field} ist kein JSON' },
  alias_pair: {
    en: 'user_alias_name and user_alias_label belong together',
    de: 'user_alias_name und user_alias_label gehören zusammen',
  },
  too_long: { en: '{field} is longer than 1,000 characters', de: '{field} ist länger als 1.000 Zeichen' },
  foreign_kind: { en: '{kind} is no export of another product', de: '{kind} ist kein Export eines anderen Produkts' },
  erased: { en: 'erased with the person it named', de: 'gelöscht mit der Person, die darin stand' },
  // Lines of the file.
  unreadable: { en: 'cannot be read: {why:said}', de: 'nicht lesbar: {why:said}' },
  quote_open: { en: 'a cell in quotes never ends', de: 'eine Zelle in Anführungszeichen endet nie' },
  quote_long: {
    en: 'a cell in quotes is longer than {most:number} characters',
    de: 'eine Zelle in Anführungszeichen ist länger als {most:number} Zeichen',
  },
  header_again: { en: 'repeats the header', de: 'wiederholt die Kopfzeile' },
  cells: { en: 'has {count} cells, the header has {width}', de: 'hat {count} Zellen, die Kopfzeile {width}' },
  doubled: {
    en: 'the header names “{column}” twice; the first one is read',
    de: 'die Kopfzeile nennt „{column}“ zweimal; gelesen wird die erste',
  },
  no_object: { en: 'is no JSON object', de: 'ist kein JSON-Objekt' },
  no_json: { en: 'is no JSON: {error}', de: 'ist kein JSON: {error}' },
  cut_off: { en: 'the document is cut off here', de: 'das Dokument bricht hier ab' },
  breaks_plan: {
    en: 'Breaks the plan: {column} should be {expected}, found was {found}',
    de: 'Verstößt gegen den Plan: erwartet wird {column} als {expected}, gefunden wurde {found}',
  },
  plan_lacks: {
    en: 'Breaks the plan: {column} is missing, expected is {expected}',
    de: 'Verstößt gegen den Plan: {column} fehlt, erwartet wird {expected}',
  },
  // Files.
  source_gone: { en: 'The source of the import is gone.', de: 'Die Quelle des Imports gibt es nicht mehr.' },
  columns_missing: {
    en: 'The mapping names no column for {fields}; the file has: {columns}.',
    de: 'Die Zuordnung nennt keine Spalte für {fields}; die Datei hat: {columns}.',
  },
  nobody_takes: { en: 'Nothing here takes {kind}.', de: 'Hier nimmt nichts {kind} entgegen.' },
  plan_requires: {
    en: 'The plan of {source} requires {fields}; the file has: {columns}.',
    de: 'Der Plan von {source} verlangt {fields}; die Datei hat: {columns}.',
  },
  other_bytes: {
    en: 'The bytes are not those of the announced file (SHA-256 differs); upload it again.',
    de: 'Die Bytes sind nicht die der angekündigten Datei (SHA-256 weicht ab); laden Sie sie noch einmal hoch.',
  },
  archive_broken: {
    en: 'The archive cannot be opened: {error}',
    de: 'Das Archiv lässt sich nicht öffnen: {error}',
  },
  archive_entries: {
    en: 'The archive has {count} entries; {most} are allowed.',
    de: 'Das Archiv hat {count} Einträge; erlaubt sind {most}.',
  },
  archive_encrypted: {
    en: '“{name}” in the archive is encrypted.',
    de: '„{name}“ im Archiv ist verschlüsselt.',
  },
  archive_twice: { en: 'The archive names “{name}” twice.', de: 'Das Archiv nennt „{name}“ zweimal.' },
  archive_lacks: { en: 'The archive has no “{name}”.', de: 'Im Archiv fehlt „{name}“.' },
  archive_large: {
    en: '“{name}” unpacks to more than {most} bytes.',
    de: '„{name}“ ist entpackt größer als {most} Bytes.',
  },
  archive_steep: {
    en: '“{name}” unpacks to more than {times} times its size; that is no table.',
    de: '„{name}“ ist entpackt mehr als {times}-mal so groß; das ist keine Tabelle.',
  },
  archive_no_table: {
    en: 'The archive holds no table: {names}.',
    de: 'Im Archiv ist keine Tabelle: {names}.',
  },
  archive_empty: { en: 'The archive is empty.', de: 'Das Archiv ist leer.' },
  document_closes: {
    en: 'The document closes more than it opens.',
    de: 'Das Dokument schließt mehr Klammern, als es öffnet.',
  },
  element_long: {
    en: 'An element is longer than {most} characters.',
    de: 'Ein Element ist länger als {most} Zeichen.',
  },
  workbook_type: {
    en: '“{name}” declares a document type; that is no workbook.',
    de: '„{name}“ nennt einen Dokumenttyp; das ist keine Arbeitsmappe.',
  },
  workbook_none: {
    en: 'The file is no workbook: xl/workbook.xml is missing.',
    de: 'Die Datei ist keine Arbeitsmappe: xl/workbook.xml fehlt.',
  },
  workbook_sheet: {
    en: 'The workbook has no sheet at “{sheet}”.',
    de: 'Die Arbeitsmappe hat kein Blatt unter „{sheet}“.',
  },
  workbook_text: {
    en: 'The workbook holds more text than fits into memory; save the sheet as CSV.',
    de: 'Die Arbeitsmappe enthält mehr Text, als in den Speicher passt; speichern Sie das Blatt als CSV.',
  },
  workbook_columns: {
    en: 'The sheet has more than {most} columns.',
    de: 'Das Blatt hat mehr als {most} Spalten.',
  },
  // Feeds.
  feed_off: { en: 'This server fetches nothing from elsewhere.', de: 'Dieser Server holt nichts von anderswo.' },
  feed_changed: {
    en: 'The feed was changed meanwhile; it goes on at its next visit.',
    de: 'Die Quelle wurde inzwischen geändert; beim nächsten Besuch geht es weiter.',
  },
  feed_refused: {
    en: 'Nobody answers at this address and port ({error}).',
    de: 'Unter dieser Adresse und diesem Port antwortet niemand ({error}).',
  },
  feed_unknown_host: {
    en: 'There is no such server; check the name ({error}).',
    de: 'Diesen Server gibt es nicht; prüfen Sie den Namen ({error}).',
  },
  feed_timeout: {
    en: 'The server did not answer in time ({error}).',
    de: 'Der Server hat nicht rechtzeitig geantwortet ({error}).',
  },
  feed_login: {
    en: 'The server refuses the login; check user and password or key ({error}).',
    de: 'Der Server lehnt die Anmeldung ab; prüfen Sie Benutzer und Passwort oder Schlüssel ({error}).',
  },
  feed_no_folder: {
    en: 'There is no such folder ({error}).',
    de: 'Diesen Ordner gibt es nicht ({error}).',
  },
  feed_denied: {
    en: 'The folder may not be read ({error}).',
    de: 'Der Ordner darf nicht gelesen werden ({error}).',
  },
  feed_certificate: {
    en: 'The certificate of the server is not trusted ({error}).',
    de: 'Dem Zertifikat des Servers wird nicht vertraut ({error}).',
  },
  feed_no_table: {
    en: 'There is no such table or column ({error}).',
    de: 'Diese Tabelle oder Spalte gibt es nicht ({error}).',
  },
  feed_other: { en: 'The server says: {error}', de: 'Der Server sagt: {error}' },
  feed_outside: {
    en: '“{given}” leaves the watched folder.',
    de: '„{given}“ liegt außerhalb des beobachteten Ordners.',
  },
  feed_file_name: { en: '“{given}” is no file name.', de: '„{given}“ ist kein Dateiname.' },
  feed_other_key: {
    en: 'The server shows another key ({given}) than before. Ask its keeper, then enter the new one.',
    de: 'Der Server zeigt einen anderen Schlüssel ({given}) als bisher. Fragen Sie, wer ihn betreibt, und tragen Sie dann den neuen ein.',
  },
  feed_table_name: {
    en: '“{given}” is no name of a table or column.',
    de: '„{given}“ ist kein Name einer Tabelle oder Spalte.',
  },
  feed_columns: { en: '“{table}” has no column {columns}.', de: '„{table}“ hat keine Spalte {columns}.' },
  feed_port: {
    en: 'Port {port} is not called; {ports} are.',
    de: 'Port {port} wird nicht angesprochen; erlaubt sind {ports}.',
  },
  feed_in_house: {
    en: '“{given}” leads into this network; the server’s configuration must allow it (EINKLANG_FEED_HOSTS).',
    de: '„{given}“ führt in das eigene Netz; die Konfiguration des Servers muss das erlauben (EINKLANG_FEED_HOSTS).',
  },
  feed_no_address: { en: '“{given}” has no address.', de: '„{given}“ hat keine Adresse.' },
  feed_host_name: { en: '“{given}” is no host name.', de: '„{given}“ ist kein Servername.' },
  files_there: { en: '{count} files', de: '{count} Dateien' },
  rows_there: { en: '{count} rows', de: '{count} Zeilen' },
}

/** Sentences of the list of what an import could not take, as a file. */
const listPhrases: Phrases = {
  row: { en: 'row', de: 'Zeile' },
  outcome: { en: 'outcome', de: 'Ergebnis' },
  place: { en: 'place', de: 'Stelle' },
  reason: { en: 'reason', de: 'Grund' },
  raw: { en: 'raw', de: 'Inhalt' },
  rejected: { en: 'rejected', de: 'abgelehnt' },
  quarantine: { en: 'waits in quarantine', de: 'wartet in der Quarantäne' },
  strip: { en: 'value not used', de: 'Wert nicht verwendet' },
  flag: { en: 'doubted', de: 'angezweifelt' },
}

export const sayImport = speaker(importPhrases)
export const sayList = speaker(listPhrases, checkNames)

/** A sentence of another stage that ingest has no words for, in every language. */
export function spoken(sentence: { en: string; de: string }): string {
  return kept('spoken', sentence)
}
