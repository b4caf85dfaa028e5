"""A run: phases from a data set and a budget to an exported network, in a folder that survives."""

from archwright.run._choose import Choose
from archwright.run._compare import compare
from archwright.run._compress import Compress
from archwright.run._compress_settings import Prune, Quantize
from archwright.run._compression import Compressor, Member
from archwright.run._config import Config
from archwright.run._execute import conduct, execute
from archwright.run._export import Export
from archwright.run._finished import Finished, opened
from archwright.run._phase import Phase
from archwright.run._phases import PHASES
from archwright.run._profile import profile
from archwright.run._progress import Progress
from archwright.run._report import WriteReport, write_report
from archwright.run._search import Search
from archwright.run._search_by_gradient import SearchByGradient
from archwright.run._state import State
from archwright.run._train import Train
from archwright.run._train_supernet import TrainSupernet
from archwright.run._verify import Verify

__all__ = [
    "PHASES",
    "Choose",
    "Compress",
    "Compressor",
    "Config",
    "Export",
    "Finished",
    "Member",
    "Phase",
    "Progress",
    "Prune",
    "Quantize",
    "Search",
    "SearchByGradient",
    "State",
    "Train",
    "TrainSupernet",
    "Verify",
    "WriteReport",
    "compare",
    "conduct",
    "execute",
    "opened",
    "profile",
    "write_report",
]
