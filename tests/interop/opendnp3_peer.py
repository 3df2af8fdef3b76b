"""opendnp3 as outstation or master, in a Python 3.10 of its own: JSON lines in, JSON lines out.

Run by `test_dnp3_with_opendnp3.py`; imports nothing of this project.

    opendnp3_peer.py outstation PORT COUNT      COUNT points of each kind
    opendnp3_peer.py master PORT
"""

# ruff: noqa: ANN001, ANN201, ANN202, ANN204, N802 - opendnp3's names, and a Python without our tools

import json
import os
import sys
import threading

from pydnp3 import asiodnp3, asiopal, opendnp3, openpal

OUTSTATION, MASTER = 1024, 1
UPDATES = {
    "analog": lambda value, flags: opendnp3.Analog(float(value), opendnp3.Flags(flags)),
    "binary": lambda value, flags: opendnp3.Binary(bool(value), opendnp3.Flags(flags)),
    "counter": lambda value, flags: opendnp3.Counter(int(value), opendnp3.Flags(flags)),
    "analog-output": lambda value, flags: opendnp3.AnalogOutputStatus(
        float(value), opendnp3.Flags(flags)
    ),
    "binary-output": lambda value, flags: opendnp3.BinaryOutputStatus(
        bool(value), opendnp3.Flags(flags)
    ),
    "double-bit": lambda value, flags: opendnp3.DoubleBitBinary(
        opendnp3.DoubleBit(int(value)), opendnp3.Flags(flags)
    ),
}
FORMS = {
    "i16": lambda value: opendnp3.AnalogOutputInt16(int(value)),
    "i32": lambda value: opendnp3.AnalogOutputInt32(int(value)),
    "f32": lambda value: opendnp3.AnalogOutputFloat32(float(value)),
    "latch": lambda value: opendnp3.ControlRelayOutputBlock(
        opendnp3.ControlCode.LATCH_ON if value else opendnp3.ControlCode.LATCH_OFF
    ),
}


class Handler(opendnp3.ICommandHandler):
    """Notes commands, answers the status that was asked for, and lets outputs follow."""

    def __init__(self, application):
        super().__init__()
        self.application = application
        self.seen, self.statuses, self.outstation = [], {}, None

    def Start(self):
        pass

    def End(self):
        pass

    def Select(self, command, index):
        return self.answer("select", command, index)

    def Operate(self, command, index, op_type):
        status = self.answer(str(op_type).rpartition(".")[2], command, index)
        if status == opendnp3.CommandStatus.SUCCESS:
            builder = asiodnp3.UpdateBuilder()
            if isinstance(command, opendnp3.ControlRelayOutputBlock):
                on = command.functionCode in {
                    opendnp3.ControlCode.LATCH_ON,
                    opendnp3.ControlCode.CLOSE_PULSE_ON,
                }
                builder.Update(opendnp3.BinaryOutputStatus(on), index)
            else:
                builder.Update(opendnp3.AnalogOutputStatus(float(command.value)), index)
            self.outstation.Apply(builder.Build())
        return status

    def answer(self, what, command, index):
        if isinstance(command, opendnp3.ControlRelayOutputBlock):
            value = str(command.functionCode).rpartition(".")[2]
        else:
            value = command.value
        self.seen.append([what, type(command).__name__, index, value])
        return getattr(opendnp3.CommandStatus, self.statuses.get(index, "SUCCESS"))


class Application(opendnp3.IOutstationApplication):
    """An outstation that may need the time."""

    def __init__(self):
        super().__init__()
        self.times, self.need_time = [], False

    def SupportsWriteAbsoluteTime(self):
        return True

    def WriteAbsoluteTime(self, milliseconds):
        self.times.append(int(getattr(milliseconds, "msSinceEpoch", milliseconds)))
        self.need_time = False
        return True

    def GetApplicationIIN(self):
        indications = opendnp3.ApplicationIIN()
        indications.needTime = self.need_time
        return indications

    def OnStateChange(self, state):
        pass

    def OnKeepAliveInitiated(self):
        pass

    def OnKeepAliveFailure(self):
        pass

    def OnKeepAliveSuccess(self):
        pass


class Outstation:
    """Commands of the test to an outstation."""

    def __init__(self, port, count):
        self.manager = asiodnp3.DNP3Manager(1)
        self.channel = self.manager.AddTCPServer(
            "s", opendnp3.levels.NOTHING, asiopal.ChannelRetry.Default(), "127.0.0.1", port, None
        )
        config = asiodnp3.OutstationStackConfig(opendnp3.DatabaseSizes.AllTypes(count))
        config.outstation.eventBufferConfig = opendnp3.EventBufferConfig.AllTypes(200)
        config.outstation.params.allowUnsolicited = True
        config.link.LocalAddr, config.link.RemoteAddr = OUTSTATION, MASTER
        self.application = Application()
        self.handler = Handler(self.application)
        self.outstation = self.channel.AddOutstation("o", self.handler, self.application, config)
        self.handler.outstation = self.outstation
        self.outstation.Enable()

    def update(self, points):
        builder = asiodnp3.UpdateBuilder()
        for kind, index, value, flags in points:
            builder.Update(UPDATES[kind](value, flags), index)
        self.outstation.Apply(builder.Build())

    def statuses(self, by_index):
        self.handler.statuses = {int(index): name for index, name in by_index.items()}

    def commands(self):
        seen, self.handler.seen = self.handler.seen, []
        return seen

    def need_time(self):
        self.application.need_time = True

    def times(self):
        return self.application.times

    def restart_indication(self):
        self.outstation.SetRestartIIN()


KINDS = {
    "Analog": "analog",
    "Binary": "binary",
    "Counter": "counter",
    "AnalogOutputStatus": "analog-output",
    "BinaryOutputStatus": "binary-output",
}


def collecting(visitor, found):
    """A visitor that collects a collection's values."""

    class Each(visitor):
        def OnValue(self, item):
            found.append((item.index, item.value.value, item.value.flags.value))

    return Each()


class Visitor:
    """Collects the values of all kinds of collections."""

    def __init__(self):
        self.by_type = {}
        for name, kind in KINDS.items():
            collection = getattr(opendnp3, f"ICollectionIndexed{name}")
            self.by_type[collection] = (kind, getattr(opendnp3, f"IVisitorIndexed{name}"))

    def collect(self, values):
        for collection, (kind, visitor) in self.by_type.items():
            if isinstance(values, collection):
                found = []

                values.Foreach(collecting(visitor, found))
                return kind, found
        return None, []


class Soe(opendnp3.ISOEHandler):
    """Keeps what the master has heard."""

    def __init__(self):
        super().__init__()
        self.values, self.events, self.visitor = {}, 0, Visitor()
        self.lock = threading.Lock()

    def Start(self):
        pass

    def End(self):
        pass

    def Process(self, info, values):
        kind, found = self.visitor.collect(values)
        with self.lock:
            for index, value, flags in found:
                self.values[f"{kind}/{index}"] = [float(value), flags]
                self.events += bool(info.isEventVariation)


class Master:
    """Commands of the test to a master."""

    def __init__(self, port):
        self.manager = asiodnp3.DNP3Manager(1)
        self.channel = self.manager.AddTCPClient(
            "c",
            opendnp3.levels.NOTHING,
            asiopal.ChannelRetry.Default(),
            "127.0.0.1",
            "127.0.0.1",
            port,
            None,
        )
        config = asiodnp3.MasterStackConfig()
        config.master.responseTimeout = openpal.TimeDuration.Seconds(5)
        config.link.LocalAddr, config.link.RemoteAddr = MASTER, OUTSTATION
        self.soe, self.kept = Soe(), []
        self.application = asiodnp3.DefaultMasterApplication.Create()
        self.master = self.channel.AddMaster("m", self.soe, self.application, config)
        self.master.Enable()

    def values(self):
        with self.soe.lock:
            return dict(self.soe.values)

    def events(self):
        return self.soe.events

    def scan(self):
        self.master.ScanClasses(opendnp3.ClassField.AllClasses())

    def read(self, group, variation):
        self.master.ScanAllObjects(opendnp3.GroupVariationID(group, variation))

    def operate(self, form, index, value, select):
        done, answer = threading.Event(), {}

        def finished(result):
            answer["summary"] = str(result.summary).rpartition(".")[2]

            class Each(opendnp3.IVisitorCommandPointResult):
                def OnValue(self, item):
                    answer["status"] = str(item.status).rpartition(".")[2]

            result.Foreach(Each())
            done.set()

        self.kept.append(finished)  # it is let go of without the interpreter's lock
        send = self.master.SelectAndOperate if select else self.master.DirectOperate
        send(FORMS[form](value), index, finished)
        done.wait(10)
        return answer


def main():
    role, port = sys.argv[1], int(sys.argv[2])
    peer = Outstation(port, int(sys.argv[3])) if role == "outstation" else Master(port)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(getattr(peer, name)(*arguments)), flush=True)
    os._exit(0)  # its own shutdown may hang or abort


main()
