-- Lines are written with their order in one transaction and orders are never deleted: a look at the order for each line
-- is what writing a receipt costs most.
alter table commerce.purchase_line drop constraint if exists purchase_line_purchase_fkey;
