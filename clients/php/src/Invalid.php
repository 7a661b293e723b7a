<?php

declare(strict_types=1);

namespace Nudge;

/** An option or argument breaks a rule. The text names it and the fix. */
final class Invalid extends \InvalidArgumentException
{
}
