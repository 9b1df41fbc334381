// The VipAllocator's memory in the state store, in the space that gateways share.
#pragma once

#include "common/result.h"
#include "controlplane/naming/vip_allocator.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// Reads what was stored into an allocator that has allocated nothing yet. Entries that cannot be
// read are left out.
Status restore_vips(StateStore& store, VipAllocator& allocator);

// Hands over what the allocator has decided since the last call.
void save_vips(VipAllocator& allocator, StateStore& store);

// An entry that another gateway has made or taken out. False: it is none of a VIP.
bool adopt_vip(const StoreWrite& change, VipAllocator& allocator);

}  // namespace vipgate
