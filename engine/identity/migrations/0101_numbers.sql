-- Whoever looks a value up without its issuer, or by its first signs, looks for a number that people read out: of addresses
-- and devices, most of all identifiers, no entry is needed.
create index identifier_number on identity.identifier (lower(value) text_pattern_ops)
  where split_part(namespace, '.', 1) in ('loyalty_card', 'customer_no', 'user_id', 'order_no', 'receipt_no');
drop index identity.identifier_value;
