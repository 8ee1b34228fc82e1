-- Whoever asks for the values that name nobody walks over these few.
create index identifier_set_aside on identity.identifier (last_seen_at desc, namespace, value) where status in ('shared', 'blocked');
