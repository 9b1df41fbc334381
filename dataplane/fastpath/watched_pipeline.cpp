// The pipeline of workers whose packets are watched: apart from the usual one, which is compiled as
// if there were no other.
#include "dataplane/fastpath/pipeline_impl.h"
#include "dataplane/fastpath/watcher.h"

namespace vipgate {

template class Pipeline<Watcher>;
template Pipeline<Watcher>::Pipeline(const Pipeline<NoObserver>&, Watcher&);
template Pipeline<NoObserver>::Pipeline(const Pipeline<Watcher>&, NoObserver&);

}  // namespace vipgate
