-- Values that became shared are few among millions: whoever asks for them need not walk over all.
create index identifier_shared on identity.identifier (namespace, value) where status = 'shared';
