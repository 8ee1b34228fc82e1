-- Where links of messages lead; null = to our own public address.
alter table governance.brand add column shop_url text;
