-- Numbers by which people are looked up stand with identity (cards, customers, orders, receipts) and with the orders themselves.
drop table profile.handle;
