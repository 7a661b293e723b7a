// node:test watches each promise that a test makes, to name the test if it is rejected. Most of our tests make very many
// promises: they take twice as long so. Without it such a rejection fails the file, as an error thrown by a timer does anyhow.

import hooks from 'node:async_hooks';

const nothing = { enable: () => nothing, disable: () => nothing };
hooks.createHook = () => nothing;
