-- Numbers are searched by their first signs as well, wherever the database sorts by a language.
drop index commerce.purchase_no;
create index purchase_no on commerce.purchase (order_no text_pattern_ops);
