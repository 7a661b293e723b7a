<?php

declare(strict_types=1);

namespace Nudge;

/** Redis did not store a version. The text says why, and what to do. */
final class PublishFailed extends \RuntimeException
{
}
