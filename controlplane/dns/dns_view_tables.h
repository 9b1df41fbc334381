// The tables of `dns.views`: what clients of certain prefixes are answered instead.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/dns_table_builder.h"
#include "common/dns_views.h"
#include "common/result.h"
#include "controlplane/dns/dns_compiler.h"
#include "controlplane/model/model.h"

namespace vipgate {

// What a service's name means where a view gives its reals: those that take new flows or, if none
// does, all that are configured.
//   NAME A, AAAA            the address of each
//   _FIRST._PROTO.REST SRV  0 WEIGHT PORT TARGET for each, with its own port
//   TARGET A or AAAA        where TARGET is 10-0-0-1.reals.ZONE, of an IPv6 address with all of its
//                           digits: 2001-0db8-0000-….reals.ZONE
// In the services zone. None for what has no records by records_of() either.
[[nodiscard]] std::vector<DnsRecord> real_records(const ServiceKey& key,
                                                  const ModelService& service,
                                                  const DnsOptions& options);

// Owned and called by the control thread. What it gives shares with what it gave before whatever
// did not change.
class DnsViewTables {
 public:
  explicit DnsViewTables(const DnsHashSecret& secret) : secret_(secret) {}

  // One without views, for the same names.
  DnsViewTables fresh() const { return DnsViewTables(secret_); }

  // Replaces all views; no service has records until it is set again. On an error nothing has
  // changed. An error names the view.
  Status set_views(const DnsOptions& options);
  // What the service of the model means now; null: it is gone, or loses its name.
  void set_service(const ServiceKey& key, const ModelService* service, const DnsOptions& options);
  // Brings current() up to date. On an error it stays as it was.
  Status build();
  // Null: there are no views.
  const std::shared_ptr<const DnsViews>& current() const { return current_; }

 private:
  struct View {
    std::string name;
    bool gives_reals = false;
    std::unique_ptr<DnsTableBuilder> builder;
    std::shared_ptr<const DnsTable> table;
  };

  DnsHashSecret secret_;
  std::vector<View> views_;
  bool gives_reals_ = false;  // one of them does
  bool is_dirty_ = false;
  std::vector<PrefixValue> clients_;
  std::map<ServiceKey, std::vector<DnsRecord>> services_;
  std::shared_ptr<const DnsViews> current_;
};

}  // namespace vipgate
