from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workorders import ledger, numbers
from workorders.account_log import verify_account_log
from workorders.models import WorkOrder


class Command(BaseCommand):
    help = "Check the chain of one order's ledger, or of all and the log of accounts; ends with 1 where one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", nargs="?", help="an order's number; all orders without it")

    def handle(self, *args: Any, **options: Any) -> None:
        orders = WorkOrder.objects.all()
        if options["number"]:
            orders = orders.filter(number=numbers.typed(options["number"]))
            if not orders.exists():
                raise CommandError(f"There is no order {options['number']}.")
        checked, broken = 0, []
        for order in orders.order_by("pk").iterator(chunk_size=1000):
            checked += 1
            event = ledger.verify(order)
            if event:
                broken.append(f"{order.spoken_number} at event {event.number}")
        if broken:
            raise CommandError(f"{len(broken)} of {checked} chains are broken: {'; '.join(broken[:20])}")
        self.stdout.write(f"{checked} chains verified, none broken.")
        if not options["number"]:
            self._verify_accounts()

    def _verify_accounts(self) -> None:
        lines, broken = verify_account_log()
        if broken:
            raise CommandError(f"The log of accounts is broken at line {broken.number} of {lines}.")
        self.stdout.write(f"The log of accounts: {lines} lines verified, none broken.")
